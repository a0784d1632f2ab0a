// Convolutions trained behind batch normalization (Ioffe and Szegedy 2015) that the result does not have. It is put in where it changes nothing, as scale and
// shift are what they undo, and folded into the weights whenever these are looked at. Networks whose own normalization was folded away then bear rates that train them.
import { liftConstants } from '../../autodiff/index.js';
import type { Engine, Feeds } from '../../engine/index.js';
import { unsupportedModel } from '../../errors.js';
import { cloneModel, floatAttribute, intAttribute, type Model, type Node, type Value } from '../../ir/index.js';
import { createRandom } from '../../numeric/index.js';
import { float32Tensor } from '../../tensor/index.js';
import type { Examples } from '../examples/examples.js';
import { exposeValues } from '../graphs/expose-values.js';
import type { TrainingOptions } from '../options.js';

export const renormalizations = ['auto', 'batch', 'none'] as const;

/** Added to variances. */
const epsilon = 1e-5;
/** What is kept of the statistics in each step. */
const memory = 0.9;
/** Fewer do not tell what a network without normalization needs. */
const leastConvolutions = 4;
/** Smaller batches say little of mean and variance. */
const leastBatch = 16;

/** Batches whose statistics it begins with. */
const batchesSeen = 4;

/** Names of values and weights around one convolution. */
interface Site {
  readonly weight: string;
  readonly bias: string;
  readonly scale: string;
  readonly shift: string;
  readonly mean: string;
  readonly variance: string;
  /** Outputs of the normalization: what the batch says. */
  readonly batchMean: string;
  readonly batchVariance: string;
}

interface Statistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

export class Renormalization {
  /** The student with normalization, which takes the place of biases. */
  readonly model: Model;
  private readonly sites: readonly Site[];

  private constructor(model: Model, sites: readonly Site[]) {
    this.model = model;
    this.sites = sites;
  }

  /**
   * `samples`: batches whose statistics the normalization undoes at first. null where normalization would not help: few convolutions with biases of their
   * own, or some of another kind already.
   */
  static async insert(student: Model, samples: readonly Feeds[], engine: Engine): Promise<Renormalization | null> {
    const model = cloneModel(student);
    liftConstants(model.graph);
    const nodes = [...model.graph.nodes()];
    const convolutions = nodes.filter(isRenormalizable);
    if (convolutions.length < leastConvolutions || nodes.some(({ opType }) => opType.endsWith('Normalization')))
      return null;
    const outputs = convolutions.map(({ output }) => output.name);
    const statistics = await measure(model, outputs, samples, engine);
    const sites = convolutions.map((node) => insertBehind(model, node, statistics.get(node.output.name)!));
    return new Renormalization(model, sites);
  }

  /** Values of the training graph that `observe` wants to see in each step. */
  get observed(): readonly string[] {
    return this.sites.flatMap(({ batchMean, batchVariance }) => [batchMean, batchVariance]);
  }

  /** Means and variances in use, by name: they follow the batches instead of gradients. */
  statistics(): Map<string, Float32Array> {
    const initializers = new Map([...this.model.graph.initializers].map((value) => [value.name, value]));
    return new Map(
      this.sites.flatMap(({ mean, variance }) =>
        [mean, variance].map((name) => [name, initializers.get(name)!.constant!.readFloat32().slice()] as const),
      ),
    );
  }

  /** Moves the statistics among `arrays` towards those of a batch. */
  observe(arrays: ReadonlyMap<string, Float32Array>, batch: ReadonlyMap<string, Float32Array>): void {
    for (const { mean, variance, batchMean, batchVariance } of this.sites) {
      follow(arrays.get(mean)!, batch.get(batchMean)!);
      follow(arrays.get(variance)!, batch.get(batchVariance)!);
    }
  }

  /** The weights of the student without normalization that compute the same. */
  fold(arrays: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
    const folded = new Map(arrays);
    for (const { weight, bias, scale, shift, mean, variance } of this.sites) {
      const [w, g, b, m, v] = [weight, scale, shift, mean, variance].map((name) => arrays.get(name)!);
      const factors = Float64Array.from(g, (value, i) => value / Math.sqrt(v[i] + epsilon));
      const perChannel = w.length / factors.length;
      folded.set(
        weight,
        w.map((value, i) => value * factors[Math.floor(i / perChannel)]),
      );
      folded.set(
        bias,
        b.map((value, i) => value - m[i] * factors[i]),
      );
      for (const name of [scale, shift, mean, variance]) folded.delete(name);
    }
    return folded;
  }
}

/** null: the student is trained as it is, which `auto` allows. */
export async function renormalize(
  student: Model,
  examples: Examples,
  { normalization, batch }: Pick<TrainingOptions, 'normalization' | 'batch'>,
  { engine, seed }: { readonly engine: Engine; readonly seed: number },
): Promise<Renormalization | null> {
  if (normalization === 'auto' && batch < leastBatch) return null;
  const samples: Feeds[] = [];
  for (const { sample } of examples.batches(examples.training, batch, createRandom(seed).fork('statistics'))) {
    samples.push(sample.feeds);
    if (samples.length === batchesSeen) break;
  }
  const inserted = await Renormalization.insert(student, samples, engine);
  if (!inserted && normalization === 'batch') {
    throw unsupportedModel('The student has too few convolutions with biases to put normalization behind, or has some');
  }
  return inserted;
}

function follow(running: Float32Array, seen: Float32Array): void {
  for (let i = 0; i < running.length; i++) running[i] = memory * running[i] + (1 - memory) * seen[i];
}

/** A convolution whose weight and bias nothing else uses. */
function isRenormalizable(node: Node): boolean {
  const isOwn = (value: Value | null | undefined): boolean =>
    value?.constant?.dataType === 'float32' && value.uses.size === 1 && !value.isGraphOutput && !value.isGraphInput;
  return node.is('Conv') && isOwn(node.input(1)) && isOwn(node.input(2)) && !node.output.isGraphOutput;
}

/** Per channel, over all samples. */
async function measure(
  model: Model,
  names: readonly string[],
  samples: readonly Feeds[],
  engine: Engine,
): Promise<Map<string, Statistics>> {
  const session = await engine.open(exposeValues(model, names));
  const sums = new Map<string, { readonly sum: Float64Array; readonly squares: Float64Array; count: number }>();
  try {
    for (const feeds of samples) {
      const given = Object.fromEntries(session.inputs.map(({ name }) => [name, feeds[name]]));
      for (const [name, tensor] of Object.entries(await session.run(given))) {
        const [n, channels] = tensor.shape;
        const total = sums.get(name) ?? {
          sum: new Float64Array(channels),
          squares: new Float64Array(channels),
          count: 0,
        };
        const area = tensor.size / (n * channels);
        for (const [i, value] of tensor.readFloat32().entries()) {
          const channel = Math.floor(i / area) % channels;
          total.sum[channel] += value;
          total.squares[channel] += value * value;
        }
        total.count += n * area;
        sums.set(name, total);
      }
    }
  } finally {
    await session.close();
  }
  return new Map(
    [...sums].map(([name, { sum, squares, count }]) => {
      const mean = sum.map((value) => value / count);
      const variance = squares.map((value, i) => Math.max(0, value / count - mean[i] ** 2));
      return [name, { mean, variance }];
    }),
  );
}

/** BatchNormalization behind `node`, which loses its bias. */
function insertBehind({ graph }: Model, node: Node, statistics: Statistics): Site {
  const [weight, bias] = [node.input(1)!, node.input(2)!];
  const biases = bias.constant!.readFloat32();
  const stem = `training/${node.output.name}`;
  const add = (suffix: string, values: ArrayLike<number>): Value =>
    graph.addInitializer(`${stem}/${suffix}`, float32Tensor([values.length], Float32Array.from(values)));
  const deviations = statistics.variance.map((value) => Math.sqrt(value + epsilon));
  const means = statistics.mean.map((value, i) => value - biases[i]);
  const parameters = [
    add('scale', deviations),
    add('shift', statistics.mean),
    add('mean', means),
    add('variance', statistics.variance),
  ];
  const { output } = node;
  const uses = [...output.uses];
  const made = graph.insertAfter(node, {
    opType: 'BatchNormalization',
    inputs: [output, ...parameters],
    outputs: [`${stem}/normalized`, `${stem}/batch mean`, `${stem}/batch variance`],
    attributes: {
      epsilon: floatAttribute(epsilon),
      // The statistics given are not mixed in.
      momentum: floatAttribute(0),
      training_mode: intAttribute(1),
    },
  });
  const [, batchMean, batchVariance] = made.outputs.map((value) => value!.name);
  for (const { node: user, index } of uses) user.replaceInput(index, made.outputs[0]!);
  const names = { weight: weight.name, bias: bias.name };
  node.replaceInput(2, null);
  graph.removeInitializer(bias);
  const [scale, shift, mean, variance] = parameters.map(({ name }) => name);
  return { ...names, scale, shift, mean, variance, batchMean, batchVariance };
}
