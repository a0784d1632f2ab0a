// Compares the gradients of a model with numerical ones: along a random direction of each source, the loss a little before and behind.
import { differentiate, findObstacles, GraphBuilder, makeWeightsInputs, specialize } from '../../src/autodiff/index.js';
import type { Engine, Feeds } from '../../src/engine/index.js';
import { cloneModel, type Model, tensorType, type Value } from '../../src/ir/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { float32Tensor, isFloat, type Tensor } from '../../src/tensor/index.js';

/** Relative error of outputs in float32, after many operations. */
const rounding = 1e-6;

export interface GradientCheck {
  readonly source: string;
  /** Along the direction, by differences and by the gradient. */
  readonly numeric: number;
  readonly analytic: number;
  /** Of the two, relative to the gradient's length times the direction's typical share in it. */
  readonly error: number;
  readonly gradient: Float32Array;
}

export interface CheckOptions {
  /** Names of inputs and initializers; default every float32 one. */
  readonly sources?: readonly string[];
  /** Relative to the magnitude of each source, tried until one agrees (kinks and rounding set limits to both sides); default 1e-3. */
  readonly steps?: readonly number[];
  /** Relative error that counts as agreement; default 0.02. */
  readonly tolerance?: number;
  readonly seed?: number;
}

export async function checkGradients(
  model: Model,
  feeds: Feeds,
  engine: Engine,
  { steps = [1e-3], tolerance = 0.02, seed = 5, ...options }: CheckOptions = {},
): Promise<{ readonly checks: readonly GradientCheck[]; readonly obstacles: readonly string[] }> {
  const random = createRandom(seed);
  const names = options.sources ?? sourcesOf(model, feeds);
  const { model: graphModel, shapes } = await specialize(model, feeds, new Set(names), engine);
  const { graph } = graphModel;
  const weights = makeWeightsInputs(graph, shapes, names);
  const inputs = new Map<string, Value>(graph.inputs.map((input) => [input.name, input]));
  const values: Record<string, Tensor> = {};
  for (const { name } of graph.inputs) values[name] = feeds[name] ?? weights.get(name)!.tensor;
  const outputs = graph.outputs.filter(
    (value) => shapes.has(value) && value.type?.kind === 'tensor' && isFloat(value.type.dataType),
  );
  const builder = new GraphBuilder(graph, shapes);
  const sources = names.flatMap((name) => inputs.get(name) ?? []);
  const obstacles = findObstacles(builder, sources, outputs).map(
    ({ node, reason }) => `${node.qualifiedType}: ${reason}`,
  );
  if (obstacles.length > 0) return { checks: [], obstacles };
  const forward = cloneModel(graphModel);
  const seeds = new Map<Value, Value>();
  const seedTensors = new Map<string, Float32Array>();
  for (const output of outputs) {
    const tensor = float32Tensor(
      builder.shapeOf(output),
      Float32Array.from({ length: builder.shapeOf(output).reduce((a, b) => a * b, 1) }, () => random.normal()),
    );
    seeds.set(output, builder.constant(tensor));
    seedTensors.set(output.name, tensor.readFloat32());
  }
  const gradients = differentiate(builder, seeds, sources);
  for (const gradient of gradients.values()) {
    gradient.type ??= tensorType('float32', builder.shapeOf(gradient));
    if (!gradient.isGraphOutput) graph.addOutput(gradient);
  }
  const session = await engine.open(graphModel, { threads: 2 });
  const plain = await engine.open(forward, { optimization: 'disabled', threads: 2 });
  const derivative = async (name: string, direction: Float32Array, size: number) => {
    const at = async (sign: number) => {
      const tensor = values[name];
      const data = tensor.readFloat32().map((value, i) => value + sign * size * direction[i]);
      return plain.run({ ...values, [name]: float32Tensor(tensor.shape, data) });
    };
    const [up, down] = [await at(1), await at(-1)];
    let sum = 0;
    let square = 0;
    for (const [output, weight] of seedTensors) {
      const [a, b] = [up[output].readFloat32(), down[output].readFloat32()];
      for (let i = 0; i < weight.length; i++) {
        sum += weight[i] * (a[i] - b[i]);
        square += (weight[i] * a[i]) ** 2;
      }
    }
    return { numeric: sum / (2 * size), noise: (rounding * Math.sqrt(square)) / size };
  };
  try {
    const results = await session.run(values);
    const checks: GradientCheck[] = [];
    for (const source of sources) {
      const gradient = gradients.get(source);
      if (!gradient) continue;
      const g = results[gradient.name].readFloat32();
      const magnitude = Math.sqrt(meanSquare(values[source.name].readFloat32())) || 1;
      // Half along the gradient, half at random, so that the derivative stands out from rounding.
      const length = Math.sqrt(meanSquare(g)) || 1;
      const direction = g.map((value) => 0.7 * (value / length) + 0.7 * random.normal());
      const analytic = g.reduce((sum, value, i) => sum + value * direction[i], 0);
      let best: GradientCheck | null = null;
      for (const step of steps) {
        const { numeric, noise } = await derivative(source.name, direction, step * magnitude);
        // A derivative of 0 is told from rounding errors, not from 0.
        const scale = Math.max(Math.abs(analytic), Math.abs(numeric), 50 * noise, 1e-6);
        const error = Math.abs(analytic - numeric) / scale;
        if (!best || error < best.error) best = { source: source.name, numeric, analytic, error, gradient: g };
        if (error <= tolerance) break;
      }
      if (best) checks.push(best);
    }
    return { checks, obstacles };
  } finally {
    await session.close();
    await plain.close();
  }
}

function meanSquare(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return sum / Math.max(values.length, 1);
}

function sourcesOf({ graph }: Model, feeds: Feeds): string[] {
  const inputs = Object.entries(feeds).flatMap(([name, { dataType }]) => (dataType === 'float32' ? [name] : []));
  const weights = [...graph.initializers].flatMap(({ name, constant }) =>
    constant?.dataType === 'float32' ? [name] : [],
  );
  return [...inputs, ...weights];
}
