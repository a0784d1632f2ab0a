// Models that carry state: an input and an output of the same type and shape, paired by name, or by shape where only one fits.
// The state of a sequence begins with zeros (caches of attention: empty) and is the output of the step before after that.
import type { Feeds, Session, ValueInfo } from '../engine/index.js';
import { usageError } from '../errors.js';
import type { Dimension } from '../ir/index.js';
import { byteLengthOf, MemoryTensor, sizeOf, type Tensor, typedArrayOf } from '../tensor/index.js';
import type { ModelInterface, Sample, StatePair } from './dataset.js';

/** Pairs for the inputs that the data does not give; inputs without a partner are left out. */
export function pairStates(model: ModelInterface, given: ReadonlySet<string>): readonly StatePair[] {
  const pairs: StatePair[] = [];
  const free = new Set(model.outputs);
  const open = model.inputs.filter(({ name }) => !given.has(name));
  const byName = open.filter((input) => {
    const output = [...free].find((output) => stem(output.name) === stem(input.name) && compatible(input, output));
    if (!output) return true;
    pairs.push({ input: input.name, output: output.name });
    free.delete(output);
    return false;
  });
  for (const input of byName) {
    const fitting = [...free].filter((output) => compatible(input, output) && sameShape(input, output));
    const rivals = byName.filter((rival) => fitting.some((output) => compatible(rival, output)));
    if (fitting.length !== 1 || rivals.length !== 1) continue;
    pairs.push({ input: input.name, output: fitting[0].name });
    free.delete(fitting[0]);
  }
  return pairs;
}

/** What the two ends of a state have in common: `state` and `stateN`, `h` and `hn`, `cache_in` and `cache_out`, `past_key_values.0.key` and `present.0.key`. */
function stem(name: string): string {
  return name
    .toLowerCase()
    .replace(/^(past_key_values|past|present)(?=[._])/, 'cache')
    .replace(/^(in|out|input|output|new|next|prev|old|initial)[._]/, '')
    .replace(/(?:[._]?(?:in|out|input|output|new|next|prev|old|initial)|[._]?(?:n|0|t))$/, '');
}

function compatible({ type: a }: ValueInfo, { type: b }: ValueInfo): boolean {
  if (!a || !b || a.dataType !== b.dataType) return false;
  if (!a.shape || !b.shape) return true;
  const other = b.shape;
  return a.shape.length === other.length && a.shape.every((dim, axis) => agree(dim, other[axis]));
}

function agree(a: Dimension, b: Dimension): boolean {
  return typeof a !== 'number' || typeof b !== 'number' || a === b;
}

/** Known shapes that are the same; without a name in common nothing less will do. */
function sameShape({ type: a }: ValueInfo, { type: b }: ValueInfo): boolean {
  return (
    a?.shape != null && b?.shape != null && a.shape.length > 0 && a.shape.every((dim, axis) => dim === b.shape?.[axis])
  );
}

/** Completes the feeds of samples with state, for one model. */
export class StateFeeder {
  private readonly model: ModelInterface;
  private readonly pairs: readonly StatePair[];
  private current: Record<string, Tensor> | null = null;

  constructor(model: ModelInterface, pairs: readonly StatePair[]) {
    this.model = model;
    this.pairs = pairs;
  }

  /** The feeds with the state that the outputs of the step before left, or the initial one. */
  complete({ feeds, count, continues }: Sample): Feeds {
    if (this.pairs.length === 0) return feeds;
    if (!continues || !this.current) this.current = this.initial(count);
    return { ...this.current, ...feeds };
  }

  /** Keeps the state for the next step. */
  update(outputs: Readonly<Record<string, Tensor>>): void {
    if (this.pairs.length === 0) return;
    this.current = Object.fromEntries(this.pairs.map(({ input, output }) => [input, outputs[output]]));
  }

  private initial(count: number): Record<string, Tensor> {
    return Object.fromEntries(this.pairs.map(({ input }) => [input, this.zeros(input, count)]));
  }

  private zeros(name: string, count: number): Tensor {
    const type = this.model.inputs.find((input) => input.name === name)?.type;
    if (!type?.shape)
      throw usageError(`The shape of the state input ${name} is not known, so it cannot begin with zeros`);
    const batch = this.batchSymbols();
    const shape = type.shape.map((dim) => {
      if (typeof dim === 'number') return dim;
      // What is neither a number nor the batch is how much of the past there is: nothing yet.
      return dim !== null && batch.has(dim) ? count : 0;
    });
    const bytes = new Uint8Array(byteLengthOf(type.dataType, sizeOf(shape)));
    return new MemoryTensor(type.dataType, shape, typedArrayOf(type.dataType, bytes));
  }

  /** Names of the first axis of the inputs that the data gives. */
  private batchSymbols(): ReadonlySet<string> {
    const symbols = new Set(['batch', 'batch_size', 'N']);
    for (const { name, type } of this.model.inputs) {
      const first = type?.shape?.[0];
      if (typeof first === 'string' && !this.pairs.some(({ input }) => input === name)) symbols.add(first);
    }
    return symbols;
  }
}

/** Complete feeds of samples: the model runs where it carries state. */
export async function* completeFeeds(
  samples: AsyncIterable<Sample>,
  states: readonly StatePair[],
  session: Session,
): AsyncGenerator<Feeds> {
  const feeder = new StateFeeder(
    { ...session, inputs: session.inputs, outputs: session.outputs, folder: null },
    states,
  );
  const outputs = states.map(({ output }) => output);
  for await (const sample of samples) {
    const feeds = feeder.complete(sample);
    yield feeds;
    if (states.length > 0) feeder.update(await session.run(feeds, outputs));
  }
}
