// First convolutions over large maps are worth integers for their time, but some cost more than all the others together: inputs of raw
// pixels, whose channels differ by orders of magnitude behind them. What rounding does there and elsewhere is measured, on outputs.
import type { Session } from '../../src/engine/index.js';
import { cloneModel, type Model, type Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import type { QuantizationParameters } from '../../src/quantization/index.js';
import { float32Tensor, isFloat, type Tensor } from '../../src/tensor/index.js';

/** Samples that are run. */
const mostSamples = 16;

/**
 * Whether rounding `first` alone moves the outputs more than rounding all `others` does: values of the main graph with their grids.
 * @param samples how many there are.
 */
export async function costsMost(
  model: Model,
  first: ReadonlyMap<Value, QuantizationParameters>,
  others: ReadonlyMap<Value, QuantizationParameters>,
  samples: number,
  { engine, samples: feeds }: PassContext,
): Promise<boolean> {
  const sessions: Session[] = [];
  const errors = [0, 0];
  try {
    for (const rounded of [new Map(), first, others]) sessions.push(await engine.open(roundedCopy(model, rounded)));
    const every = Math.ceil(samples / mostSamples);
    let index = 0;
    for await (const sample of feeds!) {
      if (index++ % every !== 0) continue;
      const runs: Record<string, Tensor>[] = [];
      for (const session of sessions) runs.push(await session.run(sample));
      for (const which of [0, 1]) errors[which] += relativeError(runs[0], runs[which + 1]);
    }
  } finally {
    for (const session of sessions) await session.close();
  }
  return errors[0] > errors[1];
}

/** Sum over the outputs of floats: squared error by squares. */
export function relativeError(
  exact: Readonly<Record<string, Tensor>>,
  rounded: Readonly<Record<string, Tensor>>,
): number {
  let sum = 0;
  for (const [name, tensor] of Object.entries(exact)) {
    const other = rounded[name];
    if (!isFloat(tensor.dataType) || other.size !== tensor.size) continue;
    const values = tensor.readFloat32();
    const approximate = other.readFloat32();
    let squares = 0;
    let error = 0;
    for (let i = 0; i < values.length; i++) {
      if (!Number.isFinite(values[i])) continue;
      squares += values[i] ** 2;
      error += (values[i] - approximate[i]) ** 2;
    }
    if (squares > 0) sum += error / squares;
  }
  return sum;
}

/** A copy that rounds these values, in float: Mul → Round → Clip → Mul, of which no engine makes integer kernels. */
function roundedCopy(model: Model, rounded: ReadonlyMap<Value, QuantizationParameters>): Model {
  const names = new Map([...rounded].map(([value, grid]) => [value.name, grid]));
  const copy = cloneModel(model);
  const { graph } = copy;
  const values: Value[] = [...graph.inputs];
  for (const node of graph.nodes()) for (const output of node.outputs) if (output) values.push(output);
  for (const value of values) {
    const grid = names.get(value.name);
    if (grid) addRounding(copy, value, grid);
  }
  return copy;
}

function addRounding({ graph }: Model, value: Value, grid: QuantizationParameters): void {
  const uses = [...value.uses];
  const [scale] = grid.scale;
  const [zero] = grid.zeroPoint;
  const constant = (name: string, number: number): Value =>
    graph.addInitializer(`${value.name}_${name}`, float32Tensor([], [number]));
  let anchor = value.producer;
  const add = (opType: string, inputs: readonly Value[]): Value => {
    const init = { opType, inputs };
    anchor = anchor ? graph.insertAfter(anchor, init) : graph.insertBefore(graph.nodes().next().value!, init);
    return anchor.output;
  };
  const steps = add('Mul', [value, constant('inverse', 1 / scale)]);
  const whole = add('Round', [steps]);
  const clipped = add('Clip', [whole, constant('low', grid.minimum - zero), constant('high', grid.maximum - zero)]);
  const result = add('Mul', [clipped, constant('step', scale)]);
  for (const { node, index } of uses) node.replaceInput(index, result);
}
