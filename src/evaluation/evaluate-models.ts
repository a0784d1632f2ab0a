// Runs models over the same data, sample by sample, and measures each of them and how far it is from the first.
import {
  type Dataset,
  fitSample,
  type ModelInterface,
  pairStates,
  type Sample,
  StateFeeder,
  type StatePair,
} from '../data/index.js';
import type { Session } from '../engine/index.js';
import { throwIfAborted, usageError } from '../errors.js';
import {
  BootstrapWeights,
  findMetric,
  type MeterState,
  type Metric,
  type MetricDifference,
  MetricMeter,
  type MetricValue,
} from '../metrics/index.js';
import { isFloat, type Tensor } from '../tensor/index.js';
import { type ModelOutput, observeSample } from './observe.js';
import type { OutputKind } from './output-kind.js';

export interface EvaluatedModel {
  /** The path; null for a model in memory. */
  readonly name: string | null;
  readonly session: Session;
  /** Whether an output holds probabilities; where that is not known, its first values tell. */
  outputKind(output: string): OutputKind;
}

export interface EvaluateModelsOptions {
  /** The first one is what the evaluation is about. */
  readonly metrics: readonly Metric[];
  /** The output that answers; default: the first of floating point that carries no state. */
  readonly outputName?: string;
  /** Examples at once, where the models allow it. Default 1: dynamic quantization then never mixes the ranges of two examples. */
  readonly batch?: number;
  /** Of the bootstrap; default 0. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** Where an interrupted evaluation of the same models on the same data goes on. */
  readonly checkpoint?: Checkpoint;
  /** Examples done; `total` is null where only the end will tell. */
  onProgress?(done: number, total: number | null): void;
}

/** Keeps how far an evaluation is. */
export interface Checkpoint {
  /** What was written last; null where there is nothing. */
  read(): EvaluationState | null;
  write(state: EvaluationState): void;
}

/** An evaluation after some samples; survives a structured clone. */
export interface EvaluationState {
  readonly samples: number;
  readonly examples: number;
  readonly meters: readonly MeterState[];
  readonly runners: readonly RunnerState[];
}

interface RunnerState {
  readonly nonFinite: number;
  readonly inference: number;
  readonly probabilities: boolean | null;
}

export interface EvaluatedMetric extends MetricValue {
  readonly name: string;
  /** From the first model; null for the first model itself. */
  readonly difference: MetricDifference | null;
}

export interface ModelEvaluation {
  readonly name: string | null;
  readonly metrics: readonly EvaluatedMetric[];
  /** How close the model is to the first: agreement, kl and sqnr, as far as they are defined. Empty for the first model. */
  readonly fidelity: readonly EvaluatedMetric[];
  /** Samples with an output that is not finite. */
  readonly nonFinite: number;
  /** Milliseconds spent in the engine. */
  readonly inference: number;
}

export interface Evaluation {
  readonly examples: number;
  readonly output: string;
  readonly models: readonly ModelEvaluation[];
}

/** Milliseconds of work that an interruption may cost. */
const checkpointInterval = 5000;

const fidelityMetrics = ['agreement', 'kl', 'sqnr'];

/** Throws USAGE when a metric needs what the data does not hold, and what data and engine throw. */
export async function evaluateModels(
  models: readonly EvaluatedModel[],
  dataset: Dataset,
  options: EvaluateModelsOptions,
): Promise<Evaluation> {
  const { metrics, batch = 1, seed = 0, signal, checkpoint, onProgress } = options;
  const runners = models.map((model) => new ModelRunner(model, dataset));
  const outputName = chooseOutput(runners[0], options.outputName);
  const meters = metrics.map((metric) => new MetricMeter(metric, models.length));
  const fidelity = fidelityMetrics.flatMap((name) => findMetric(name) ?? []);
  const fidelityMeters = fidelity.map((metric) => new MetricMeter(metric, models.length));
  const weights = new BootstrapWeights(seed);
  const allMeters = [...meters, ...fidelityMeters];
  const done = checkpoint?.read() ?? null;
  if (done) {
    for (const [index, meter] of allMeters.entries()) meter.restore(done.meters[index]);
    for (const [index, runner] of runners.entries()) runner.state = done.runners[index];
  }
  let examples = 0;
  let samples = 0;
  let saved = performance.now();
  for await (const sample of dataset.samples(batch)) {
    if (done && samples < done.samples) {
      throwIfAborted(signal);
      samples++;
      examples += sample.count;
      // The weights of an example depend on how many there were before.
      if (!sample.continues) for (let i = 0; i < sample.count; i++) weights.next();
      continue;
    }
    // The state of a sequence is not kept, so it is gone back to its beginning.
    if (checkpoint && !sample.continues && (signal?.aborted || performance.now() - saved > checkpointInterval)) {
      const states = { meters: allMeters.map(({ state }) => state), runners: runners.map(({ state }) => state) };
      checkpoint.write({ samples, examples, ...states });
      saved = performance.now();
    }
    throwIfAborted(signal);
    const outputs: ModelOutput[] = [];
    for (const runner of runners) outputs.push(await runner.run(sample, outputName, runners[0]));
    for (const observations of observeSample(targetsOf(sample, outputName), outputs)) {
      // The steps of a sequence count as one.
      if (!sample.continues) weights.next();
      for (const meter of allMeters) meter.add(observations, weights.current, sample.continues);
    }
    if (examples === 0) checkMetrics(meters, dataset, models.length);
    samples++;
    examples += sample.count;
    onProgress?.(examples, dataset.size);
  }
  return {
    examples,
    output: outputName,
    models: runners.map((runner, index) => ({
      name: runner.model.name,
      metrics: meters.flatMap((meter) => evaluated(meter, index)),
      fidelity: index === 0 ? [] : fidelityMeters.flatMap((meter) => evaluated(meter, index)),
      nonFinite: runner.nonFinite,
      inference: runner.inference,
    })),
  };
}

function evaluated(meter: MetricMeter, model: number): EvaluatedMetric[] {
  const value = meter.value(model);
  if (!value) return [];
  return [{ name: meter.metric.name, ...value, difference: model === 0 ? null : meter.difference(model) }];
}

/** Target tensors of the output that is looked at only. */
function targetsOf(sample: Sample, output: string): Sample {
  const { targets } = sample;
  if (targets?.kind !== 'tensors') return sample;
  const tensor = targets.tensors[output];
  return { ...sample, targets: tensor ? { kind: 'tensors', tensors: { [output]: tensor } } : null };
}

/** After the first sample: what a metric needs is in all of them or in none. */
function checkMetrics(meters: readonly MetricMeter[], dataset: Dataset, models: number): void {
  for (const { metric, ...meter } of meters.map((meter) => ({
    metric: meter.metric,
    examples: meter.examples(models - 1),
  }))) {
    if (meter.examples > 0) continue;
    const needs = {
      answers: [
        'right answers (labels)',
        'Name the file or the column of the labels, or choose a metric such as sqnr.',
      ],
      text: ['language-modelling text', 'Use a .txt file.'],
      outputs: [
        'right outputs, or a second model to compare with',
        'Give the original first, then the model made of it.',
      ],
      original: ['a second model to compare with', 'Give the original first, then the model made of it.'],
    }[metric.needs];
    throw usageError(`The metric ${metric.name} needs ${needs[0]}; the data is ${dataset.description}`, needs[1]);
  }
}

function chooseOutput({ model, states }: ModelRunner, wanted: string | undefined): string {
  const { outputs } = model.session;
  const names = outputs.map(({ name }) => name);
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted;
    throw usageError(`${model.name ?? 'The model'} has no output ${wanted}`, `It has: ${names.join(', ')}.`);
  }
  const free = outputs.filter(({ name, type }) => type && !states.some(({ output }) => output === name));
  const chosen = free.find(({ type }) => type && isFloat(type.dataType)) ?? free[0] ?? outputs[0];
  return chosen.name;
}

/** One model on its way through the data. */
class ModelRunner {
  readonly model: EvaluatedModel;
  readonly states: readonly StatePair[];
  nonFinite = 0;
  inference = 0;
  private readonly modelInterface: ModelInterface;
  private readonly feeder: StateFeeder;
  private probabilities: boolean | null = null;

  constructor(model: EvaluatedModel, dataset: Dataset) {
    this.model = model;
    const { inputs, outputs } = model.session;
    this.modelInterface = { inputs, outputs, folder: null };
    const stateInputs = new Set(dataset.states.map(({ input }) => input));
    const given = inputs.filter(({ name }) => !stateInputs.has(name)).map(({ name }) => name);
    this.states = dataset.states.length > 0 ? pairStates(this.modelInterface, new Set(given)) : [];
    this.feeder = new StateFeeder(this.modelInterface, this.states);
  }

  get state(): RunnerState {
    const { nonFinite, inference, probabilities } = this;
    return { nonFinite, inference, probabilities };
  }

  set state(state: RunnerState) {
    Object.assign(this, state);
  }

  async run(sample: Sample, outputName: string, first: ModelRunner): Promise<ModelOutput> {
    const fitted = fitSample(sample, this.modelInterface, this.states);
    const output = this.outputLike(outputName, first);
    const wanted = [...new Set([output, ...this.states.map((state) => state.output)])];
    const start = performance.now();
    const outputs = await this.model.session.run(this.feeder.complete(fitted), wanted);
    this.inference += performance.now() - start;
    this.feeder.update(outputs);
    const tensor = outputs[output];
    this.probabilities ??= first === this ? isProbability(this.model.outputKind(output), tensor) : first.probabilities;
    if (!allFinite(tensor)) this.nonFinite++;
    return { tensor, probabilities: this.probabilities ?? false };
  }

  /** The output of the same name, or at the same place. */
  private outputLike(name: string, first: ModelRunner): string {
    const names = this.model.session.outputs.map((output) => output.name);
    if (names.includes(name)) return name;
    const index = first.model.session.outputs.findIndex((output) => output.name === name);
    if (names[index] !== undefined) return names[index];
    throw usageError(`${this.model.name ?? 'The model'} has no output ${name}`, `It has: ${names.join(', ')}.`);
  }
}

function isProbability(kind: OutputKind, tensor: Tensor): boolean {
  if (kind !== 'unknown' || !isFloat(tensor.dataType)) return kind === 'probabilities';
  const values = tensor.readFloat32();
  if (values.some((value) => !(value >= 0 && value <= 1.0001))) return false;
  const classes = tensor.shape.at(-1) ?? 1;
  if (classes === 1) return true;
  const sum = values.subarray(0, classes).reduce((total, value) => total + value, 0);
  return Math.abs(sum - 1) < 1e-3;
}

function allFinite(tensor: Tensor): boolean {
  if (!isFloat(tensor.dataType)) return true;
  const values = tensor.readFloat32();
  let sum = 0;
  // Whatever is not finite makes 0 of it NaN.
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  return sum === 0;
}
