// What quantizing each linear operator alone does to the outputs, as `dsopt explain` measures it: one session that switches between each
// operator and its rounded form. Rounding is simulated in float here (Mul → Round → Clip → Mul), with the grids that were chosen.
import { type LinearOperator, readRows, storeRows } from '../../src/analysis/index.js';
import { cloneWithNodes, type Model, type Node, tensorType, type Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import { fittingScales, type QuantizationParameters, roundToNearest } from '../../src/quantization/index.js';
import { float32Tensor, int64Tensor, MemoryTensor, type Tensor } from '../../src/tensor/index.js';
import { relativeError } from './first-operators.js';
import type { PlannedLinear } from './plan.js';

/** Samples that are run. */
const mostSamples = 16;

/**
 * Squared error of the outputs relative to their squares, by operator, each quantized alone.
 * @param gridOf the grid of a value that is quantized.
 * @param samples how many there are.
 */
export async function measureSensitivity(
  model: Model,
  linears: readonly PlannedLinear[],
  gridOf: (value: Value) => QuantizationParameters,
  samples: number,
  { engine, samples: feeds, signal, progress }: PassContext,
): Promise<Map<PlannedLinear, number>> {
  const { copy, mask } = switchedCopy(model, linears, gridOf);
  const session = await engine.open(copy);
  const errors = linears.map(() => 0);
  try {
    const every = Math.ceil(samples / mostSamples);
    let index = 0;
    for await (const sample of feeds!) {
      if (index++ % every !== 0) continue;
      const run = (on: number): Promise<Record<string, Tensor>> => {
        const switches = Uint8Array.from(linears, (_, which) => (which === on ? 1 : 0));
        return session.run({ ...sample, [mask]: new MemoryTensor('bool', [linears.length], switches) });
      };
      const exact = await run(-1);
      for (const which of linears.keys()) {
        signal.throwIfAborted();
        errors[which] += relativeError(exact, await run(which)) / Math.min(samples, mostSamples);
        progress(which + 1, linears.length);
      }
    }
  } finally {
    await session.close();
  }
  return new Map(linears.map((linear, which) => [linear, errors[which]]));
}

function switchedCopy(
  model: Model,
  linears: readonly PlannedLinear[],
  gridOf: (value: Value) => QuantizationParameters,
): { readonly copy: Model; readonly mask: string } {
  const { clone: copy, copyOf } = cloneWithNodes(model);
  const { graph } = copy;
  const mask = graph.addInput(graph.scope.uniqueName('dsopt_rounded'), tensorType('bool', [linears.length]));
  for (const [index, { operator, result, activation }] of linears.entries()) {
    const node = copyOf(operator.node);
    const position = graph.addInitializer(`dsopt_operator_${index}`, int64Tensor([], [index]));
    const isOn = graph.insertBefore(node, { opType: 'Gather', inputs: [mask, position] }).output;
    const use = node.useAt(operator.inputIndex)!;
    const rounding = { graph, isOn };
    use.node.replaceInput(
      use.index,
      roundWhere(rounding, node.input(operator.inputIndex)!, gridOf(operator.input), node),
    );
    // Those of convolutions are rounded already, and cost next to nothing.
    if (operator.kind === 'matrix') {
      const weight = node.input(operator.weightIndex)!;
      const rounded = graph.addInitializer(`dsopt_weight_${index}`, roundedWeight(operator));
      const inputs = [isOn, rounded, weight];
      node.replaceInput(operator.weightIndex, graph.insertBefore(node, { opType: 'Where', inputs }).output);
    }
    const computed = (activation ? copyOf(activation) : node).output;
    if (!result || computed.isGraphOutput) continue;
    const uses = [...computed.uses];
    const first = computed.producer!;
    const rounded = roundWhere(rounding, computed, gridOf(result), null, first);
    for (const taker of uses) taker.node.replaceInput(taker.index, rounded);
  }
  return { copy, mask: mask.name };
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

interface Rounding {
  readonly graph: Model['graph'];
  /** A bool. */
  readonly isOn: Value;
}

/** `value`, or what is left of it on the grid: in front of `before`, or behind `after`. */
function roundWhere(
  { graph, isOn }: Rounding,
  value: Value,
  { scale: [scale], zeroPoint: [zero], minimum, maximum }: QuantizationParameters,
  before: Node | null,
  after: Node | null = null,
): Value {
  const constant = (name: string, number: number): Value =>
    graph.addInitializer(`${value.name}_${name}`, float32Tensor([], [number]));
  let anchor = after;
  const add = (opType: string, inputs: readonly Value[]): Value => {
    anchor = before ? graph.insertBefore(before, { opType, inputs }) : graph.insertAfter(anchor!, { opType, inputs });
    return anchor.output;
  };
  const steps = add('Mul', [value, constant('inverse', 1 / scale)]);
  const whole = add('Round', [steps]);
  const clipped = add('Clip', [whole, constant('low', minimum - zero), constant('high', maximum - zero)]);
  const rounded = add('Mul', [clipped, constant('step', scale)]);
  return add('Where', [isOn, rounded, value]);
}
