// What a model computes where a plan, or any part of it, rounds: in float (Mul → Round → Clip → Mul), in one session with a switch for each place, so that
// parts are tried without making a model of each. Outputs are within a tenth of the error that the integer kernels make.
import { type LinearOperator, readRows, storeRows } from '../../../src/analysis/index.js';
import type { Engine, Feeds, Session } from '../../../src/engine/index.js';
import { cloneWithNodes, type Model, type Node, tensorType, type Use, type Value } from '../../../src/ir/index.js';
import { fittingScales, type QuantizationParameters, roundToNearest } from '../../../src/quantization/index.js';
import { float32Tensor, int64Tensor, MemoryTensor, type Tensor } from '../../../src/tensor/index.js';
import { remainderGrid } from '../emit/two-pass.js';
import { integerResults, type PlannedLinear, quantizedValues, type StaticPlan } from '../plan/plan.js';

type Grids = ReadonlyMap<Value, QuantizationParameters>;

export interface RoundedGrids {
  /** Of every value that the plan quantizes. */
  readonly grids: Grids;
  /** Those of values that may be taken in two passes; see two-pass.ts. */
  readonly wideGrids: Grids;
}

export interface WeightsToSwitch {
  readonly exact: ReadonlyMap<PlannedLinear, ExactWeights>;
  /** Matrices as they will be restored; those of others are rounded to the nearest. */
  readonly matrices: ReadonlyMap<PlannedLinear, Tensor>;
  /** Whether operators that are left in float have their weights exactly: those of four bits are stored in eight there, which is next to it. */
  readonly storedExactly: boolean;
}

/** Weight and bias of a convolution before they were rounded; the model holds the rounded ones. */
export interface ExactWeights {
  readonly weight: Tensor;
  readonly bias: Float32Array;
}

export interface Rounding {
  /** Operators of the plan that was opened, with what lies between them. */
  readonly part: StaticPlan;
  /** Values whose matrix products are computed twice. */
  readonly twice?: ReadonlySet<Value>;
  /** Operators that compute in float, on weights that are stored in eight bits. */
  readonly stored?: Iterable<PlannedLinear>;
}

export class RoundedModel {
  private readonly session: Session;
  private readonly switches: Switches;

  private readonly storedExactly: boolean;

  private constructor(session: Session, switches: Switches, storedExactly: boolean) {
    this.session = session;
    this.switches = switches;
    this.storedExactly = storedExactly;
  }

  static async open(
    model: Model,
    plan: StaticPlan,
    grids: RoundedGrids,
    weights: WeightsToSwitch,
    engine: Engine,
  ): Promise<RoundedModel> {
    const { copy, switches } = switchedCopy(model, plan, grids, weights);
    return new RoundedModel(await engine.open(copy), switches, weights.storedExactly);
  }

  /** @param rounding null: nothing is rounded. */
  run(feeds: Feeds, rounding: Rounding | null): Promise<Record<string, Tensor>> {
    const { input, count } = this.switches;
    const on = new Uint8Array(count);
    for (const index of rounding ? this.switchesOf(rounding) : []) on[index] = 1;
    return this.session.run({ ...feeds, [input]: new MemoryTensor('bool', [count], on) });
  }

  close(): Promise<void> {
    return this.session.close();
  }

  private *switchesOf({ part, twice = new Set(), stored = [] }: Rounding): Iterable<number> {
    const { results, uses, weights, passes } = this.switches;
    const integers = integerResults(part);
    for (const value of integers) yield* found(results.get(value));
    for (const { use } of plannedUses(part)) yield* found(uses.get(use));
    // What integers were computed into has no exact form that anything else could take.
    for (const [use, index] of uses) {
      const value = use.node.input(use.index)!;
      if (integers.has(value)) yield index;
    }
    for (const { operator } of [...part.linears, ...(this.storedExactly ? [] : stored)])
      yield* found(weights.get(operator.node));
    for (const value of twice) if (!integers.has(value)) yield* found(passes.get(value));
  }
}

function found(index: number | undefined): readonly number[] {
  return index === undefined ? [] : [index];
}

/** Where each switch is, in a bool input of the copy. */
interface Switches {
  readonly input: string;
  readonly count: number;
  /** Of values that integers are computed into. */
  readonly results: ReadonlyMap<Value, number>;
  /** Of values that are taken as integers. */
  readonly uses: ReadonlyMap<Use, number>;
  /** Of weights. */
  readonly weights: ReadonlyMap<Node, number>;
  /** Of second passes. */
  readonly passes: ReadonlyMap<Value, number>;
}

function plannedUses({ linears, elementwise }: StaticPlan): { readonly value: Value; readonly use: Use }[] {
  const taken = [
    ...linears.map(({ operator: { node, inputIndex } }) => node.useAt(inputIndex)),
    ...elementwise.flatMap(({ node, operands }) => operands.map((_, index) => node.useAt(index))),
  ];
  return taken.flatMap((use) => (use ? [{ use, value: use.node.input(use.index)! }] : []));
}

function switchedCopy(
  model: Model,
  plan: StaticPlan,
  { grids, wideGrids }: RoundedGrids,
  { exact, matrices }: Omit<WeightsToSwitch, 'storedExactly'>,
): { readonly copy: Model; readonly switches: Switches } {
  const { clone: copy, copyOf } = cloneWithNodes(model);
  const { graph } = copy;
  const [results, uses] = [new Map<Value, number>(), new Map<Use, number>()];
  const [weights, passes] = [new Map<Node, number>(), new Map<Value, number>()];
  const input = graph.addInput(graph.scope.uniqueName('dsopt_rounded'), tensorType('bool', null));
  const first = graph.nodes().next().value!;
  const mask = graph.insertBefore(first, { opType: 'Identity', inputs: [input] });
  let count = 0;
  const switchFor = <K>(places: Map<K, number>, key: K): Value => {
    const position = graph.addInitializer(graph.scope.uniqueName('dsopt_place'), int64Tensor([], [count]));
    places.set(key, count++);
    return graph.insertAfter(mask, { opType: 'Gather', inputs: [mask.output, position] }).output;
  };
  const integers = integerResults(plan);
  const taken = new Map<Value, Use[]>();
  for (const { value, use } of plannedUses(plan)) taken.set(value, [...(taken.get(value) ?? []), use]);
  for (const value of quantizedValues(plan).keys()) {
    const original = copyOfValue(value, model, copy, copyOf);
    const others = [...original.uses];
    const chain = new Chain(graph, original.producer, first);
    let rounded = chain.round(original, grids.get(value)!);
    const wide = integers.has(value) ? undefined : wideGrids.get(value);
    if (wide) {
      const isTwice = switchFor(passes, value);
      rounded = chain.add('Where', [isTwice, chain.round(original, finer(wide)), rounded]);
    }
    for (const use of taken.get(value) ?? []) {
      const node = copyOf(use.node);
      const isOn = switchFor(uses, use);
      node.replaceInput(use.index, chain.add('Where', [isOn, rounded, original]));
      others.splice(
        others.findIndex((other) => other.node === node && other.index === use.index),
        1,
      );
    }
    if (!integers.has(value) || (others.length === 0 && !original.isGraphOutput)) continue;
    const behind = chain.add('Where', [switchFor(results, value), rounded, original]);
    for (const { node, index } of others) node.replaceInput(index, behind);
    if (original.isGraphOutput) takeOutput(graph, original, behind);
  }
  for (const linear of plan.linears) {
    const { operator } = linear;
    const node = copyOf(operator.node);
    const known = exact.get(linear);
    if (operator.kind === 'conv' && !known) continue;
    const isOn = switchFor(weights, operator.node);
    const choose = (taker: Node, index: number, rounded: Value, float: Value): void =>
      taker.replaceInput(index, graph.insertBefore(node, { opType: 'Where', inputs: [isOn, rounded, float] }).output);
    const constant = (tensor: Tensor): Value => graph.addInitializer(graph.scope.uniqueName('dsopt_weight'), tensor);
    const weight = node.input(operator.weightIndex)!;
    if (!known) choose(node, operator.weightIndex, constant(matrices.get(linear) ?? roundedWeight(operator)), weight);
    else {
      choose(node, operator.weightIndex, weight, constant(known.weight));
      const bias = node.input(2);
      if (bias) choose(node, 2, bias, constant(float32Tensor([known.bias.length], known.bias)));
    }
  }
  input.type = tensorType('bool', [count]);
  return { copy, switches: { input: input.name, count, results, uses, weights, passes } };
}

/** `value` becomes what `output` was. */
function takeOutput(graph: Model['graph'], output: Value, value: Value): void {
  const { name } = output;
  graph.replaceOutput(output, value);
  output.rename(graph.scope.uniqueName(`${name}_exact`));
  value.rename(name);
  value.type = output.type;
}

function copyOfValue(value: Value, model: Model, copy: Model, copyOf: (node: Node) => Node): Value {
  const { producer } = value;
  return producer
    ? copyOf(producer).outputs[producer.outputs.indexOf(value)]!
    : copy.graph.inputs[model.graph.inputs.indexOf(value)];
}

/** Nodes one behind the other, behind what computes a value. */
class Chain {
  private readonly graph: Model['graph'];
  private readonly first: Node;
  private last: Node | null;

  /** @param after null: a graph input; `first` is then what the chain comes before. */
  constructor(graph: Model['graph'], after: Node | null, first: Node) {
    this.graph = graph;
    this.last = after;
    this.first = first;
  }

  add(opType: string, inputs: readonly Value[]): Value {
    const init = { opType, inputs };
    this.last = this.last ? this.graph.insertAfter(this.last, init) : this.graph.insertBefore(this.first, init);
    return this.last.output;
  }

  round(value: Value, { scale: [scale], zeroPoint: [zero], minimum, maximum }: QuantizationParameters): Value {
    const constant = (name: string, number: number): Value =>
      this.graph.addInitializer(this.graph.scope.uniqueName(`${value.name}_${name}`), float32Tensor([], [number]));
    const steps = this.add('Mul', [value, constant('inverse', 1 / scale)]);
    const whole = this.add('Round', [steps]);
    const bounds = [constant('low', minimum - zero), constant('high', maximum - zero)];
    return this.add('Mul', [this.add('Clip', [whole, ...bounds]), constant('step', scale)]);
  }
}

/** What two passes tell apart. */
function finer(grid: QuantizationParameters): QuantizationParameters {
  const { scale } = remainderGrid(grid);
  const factor = grid.scale[0] / scale[0];
  const zero = grid.zeroPoint[0];
  return {
    ...grid,
    scale,
    zeroPoint: Int32Array.of(0),
    minimum: (grid.minimum - zero) * factor,
    maximum: (grid.maximum - zero) * factor,
  };
}

function roundedWeight(operator: LinearOperator): Tensor {
  const { outputChannels: rows, rowLength: columns, weight } = operator;
  const block = { values: readRows(operator), rows, columns, bounds: { minimum: -127, maximum: 127 } };
  const weights = { ...block, scale: fittingScales(block) };
  const restored = Float32Array.from(
    roundToNearest(weights),
    (value, i) => value * weights.scale[Math.floor(i / columns)],
  );
  return float32Tensor(weight.tensor.shape, storeRows(operator, restored));
}
