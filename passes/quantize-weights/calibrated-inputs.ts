// What matrix products see in the samples: their second moments, and rows that nothing is fitted to. Either in the order of the model, where what was
// rounded already is in front of what is looked at, or all at once in the float model, where that would take too much memory.
import type { LinearOperator } from '../../src/analysis/index.js';
import { GramObserver, type Observer, operatorRows, Replay, SecondMoments } from '../../src/calibration/index.js';
import { cloneWithNodes, type Model, type Node, type Value } from '../../src/ir/index.js';
import type { Random } from '../../src/numeric/index.js';
import type { PassContext } from '../../src/pass/index.js';
import type { HeldOutInputs } from '../../src/quantization/index.js';
import type { Tensor } from '../../src/tensor/index.js';
import type { Calibratable } from './calibrated.js';
import { type RowCounts, scaleRows } from './row-counts.js';
import { replaceWeight, roundActivation } from './simulation.js';

export interface InputMoments {
  /** Rows that the moments are of. */
  readonly count: number;
  /** Σx̂x̂ᵀ [K, K] of the inputs as they are now. */
  readonly gram: Float64Array;
  /** Σx̂(x − x̂)ᵀ [K, K], x those of the original; null where they are the same. */
  readonly lack: Float32Array | null;
  readonly held: HeldOutInputs | null;
}

interface SeenGroup {
  readonly group: readonly Calibratable[];
  readonly moments: InputMoments;
}

/** Every sample of this number is held out. */
const heldOutEvery = 8;
/** Rows that are kept of what is held out. */
const mostHeldRows = 1024;
const mostHeldPerSample = 128;

/** Model and original side by side, from product to product. */
export class InputsInOrder {
  private readonly context: PassContext;
  private readonly copyOf: (node: Node) => Node;
  private readonly now: Replay;
  private readonly original: Replay;
  private readonly counts: RowCounts | null;

  private constructor(
    context: PassContext,
    copyOf: (node: Node) => Node,
    now: Replay,
    original: Replay,
    counts: RowCounts | null,
  ) {
    this.context = context;
    this.counts = counts;
    this.copyOf = copyOf;
    this.now = now;
    this.original = original;
  }

  /** @param counts null: all rows count alike. */
  static async start(model: Model, context: PassContext, counts: RowCounts | null): Promise<InputsInOrder> {
    const { clone: copy, copyOf } = cloneWithNodes(model);
    const { engine, workers, signal, samples, maxMemory } = context;
    const options = { engine, threads: workers.jobs, signal, maxMemory };
    const now = await Replay.start(copy, samples ?? none(), options);
    const original = await Replay.start(model, samples ?? none(), options);
    return new InputsInOrder(context, copyOf, now, original, counts);
  }

  async *of(groups: readonly Calibratable[][]): AsyncGenerator<SeenGroup> {
    try {
      for (const group of groups)
        yield { group, moments: await this.see(group[0].operator, this.counts?.get(group) ?? []) };
    } finally {
      this.now.close();
      this.original.close();
    }
  }

  /** Lets the model go on with a weight [K, N] as it is stored. */
  replace({ operator, integers }: Calibratable, decoded: Float32Array): void {
    const node = this.copyOf(operator.node);
    replaceWeight(node, operator, decoded);
    if (integers) roundActivation(node);
  }

  private async see(operator: LinearOperator, counts: readonly Float32Array[]): Promise<InputMoments> {
    const { rowLength: k, node, inputIndex } = operator;
    const copy = this.copyOf(node);
    const input = copy.input(inputIndex)!;
    const fitted = new SecondMoments(k, this.context.products, k);
    const [rowsNow, rowsBefore] = [0, 1].map(() =>
      rowReader(operator, this.context.random().fork(`${operator.output.name} rows`)),
    );
    const heldNow = new KeptRows(k, this.context.random().fork(operator.output.name));
    const heldBefore = new KeptRows(k, this.context.random().fork(operator.output.name));
    const references = this.original.advance(node, [operator.input]);
    let sample = 0;
    try {
      for await (const values of this.now.advance(copy, [input])) {
        const { value: reference } = await references.next();
        const now = scaleRows(rowsNow(values.get(input)!), counts[sample]);
        const before = rowsBefore((reference as ReadonlyMap<Value, Tensor>).get(operator.input)!);
        const original = scaleRows(before, counts[sample]);
        if (sample++ % heldOutEvery === heldOutEvery - 1) {
          heldNow.add(now);
          heldBefore.add(original);
        } else await fitted.add(now, original);
      }
      // To its end, where it closes what it opened.
      await references.next();
    } finally {
      await references.return(undefined);
    }
    await fitted.flush();
    const { count, gram, cross } = fitted;
    const lack = Float32Array.from(cross, (value, i) => value - gram[i]);
    const held = heldNow.isEmpty ? null : { original: heldBefore.rows, now: heldNow.rows };
    return { count, gram, lack: lack.some((value) => value !== 0) ? lack : null, held };
  }
}

/** Patches of each sample that second moments are taken of. */
const mostPatches = 512;

/** Reads what `operator`, of one group, multiplies with its weight: [rows, K]. Readers with equal `random` take the same rows. */
function rowReader(operator: LinearOperator, random: Random): (input: Tensor) => Float32Array {
  if (operator.kind === 'matrix') return (input) => input.readFloat32();
  return (input) => {
    const [block] = operatorRows(operator, input, { most: mostPatches, random });
    return block.rows;
  };
}

async function* none(): AsyncGenerator<never> {}

/** Bytes of second moments that one sweep over the samples may collect. */
const mostMomentBytes = 512 << 20;

/** All products of the model as it is, a few at a time. */
export class ObservedInputs {
  private readonly context: PassContext;

  constructor(context: PassContext) {
    this.context = context;
  }

  async *of(groups: readonly Calibratable[][]): AsyncGenerator<SeenGroup> {
    for (const batch of batches(groups)) {
      const observers = new Map(batch.map((group) => [group, new InputObserver(group[0].operator, this.context)]));
      await this.context.observe([...observers].map(([group, observer]) => [group[0].operator.input, observer]));
      for (const [group, observer] of observers) yield { group, moments: await observer.finish() };
    }
  }

  /** Nothing that comes depends on what was rounded. */
  replace(): void {}
}

class InputObserver implements Observer {
  private readonly operator: LinearOperator;
  private readonly fitted: GramObserver;
  private readonly held: KeptRows;
  private samples = 0;

  constructor(operator: LinearOperator, { products, random }: PassContext) {
    this.operator = operator;
    this.fitted = new GramObserver(operator, products);
    this.held = new KeptRows(operator.rowLength, random().fork(operator.output.name));
  }

  async observe(tensor: Tensor): Promise<void> {
    if (this.samples++ % heldOutEvery !== heldOutEvery - 1) await this.fitted.observe(tensor);
    else for (const { rows } of operatorRows(this.operator, tensor)) this.held.add(rows);
  }

  async finish(): Promise<InputMoments> {
    await this.fitted.finish();
    const { rows, isEmpty } = this.held;
    const { count, gram } = this.fitted.moments[0];
    return { count, gram, lack: null, held: isEmpty ? null : { original: rows, now: rows } };
  }
}

/** Some rows of each sample. */
class KeptRows {
  private readonly k: number;
  private readonly random: Random;
  private readonly kept: Float32Array[] = [];

  constructor(k: number, random: Random) {
    this.k = k;
    this.random = random;
  }

  get isEmpty(): boolean {
    return this.kept.length === 0;
  }

  add(values: Float32Array): void {
    const { k, kept, random } = this;
    const count = values.length / k;
    for (let i = 0; i < Math.min(count, mostHeldPerSample) && kept.length < mostHeldRows; i++) {
      const row = count <= mostHeldPerSample ? i : random.int(count);
      kept.push(values.slice(row * k, (row + 1) * k));
    }
  }

  /** [rows, K]. */
  get rows(): Float32Array {
    const all = new Float32Array(this.kept.length * this.k);
    for (const [index, row] of this.kept.entries()) all.set(row, index * this.k);
    return all;
  }
}

function* batches(groups: readonly Calibratable[][]): Iterable<Calibratable[][]> {
  let batch: Calibratable[][] = [];
  let bytes = 0;
  for (const group of groups) {
    const own = 8 * group[0].operator.rowLength ** 2;
    if (batch.length > 0 && bytes + own > mostMomentBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    bytes += own;
    batch.push(group);
  }
  if (batch.length > 0) yield batch;
}
