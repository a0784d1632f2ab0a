// Makes the graph of one training step for batches of one shape: the student for these shapes, losses on top, gradients of all weights.
import {
  attentionDivergence,
  crossEntropy,
  differentiate,
  findObstacles,
  GraphBuilder,
  makeWeightsInputs,
  type Obstacle,
  project,
  recompute,
  relativeSquaredError,
  similarityError,
  softenedDivergence,
  specialize,
} from '../../autodiff/index.js';
import type { Engine, Feeds } from '../../engine/index.js';
import { unsupportedModel } from '../../errors.js';
import { cloneModel, type Model, type TensorType, tensorType, type Value } from '../../ir/index.js';
import type { DataType, Tensor } from '../../tensor/index.js';
import type { PlannedLoss } from '../losses/loss-plan.js';
import { exposeValues } from './expose-values.js';
import { peakBytes } from './step-memory.js';

/** What a step is fed beside the inputs of the student. */
export const labelsInput = 'training/labels';

export function teacherInput(value: string): string {
  return `training/teacher/${value}`;
}

/** What gives the loss only. */
export interface LossGraph {
  readonly lossModel: Model;
  readonly loss: string;
  /** Output of `lossModel` that holds the answers of the student, where they were asked for. */
  readonly answers: string | null;
}

export interface TrainingGraph extends LossGraph {
  /** Outputs: the loss, one value for each planned loss, then a gradient for each of `gradients`. */
  readonly model: Model;
  readonly terms: readonly string[];
  /** Output that holds the gradient, by weight. */
  readonly gradients: ReadonlyMap<string, string>;
  /** Outputs that are looked at in each step. */
  readonly observed: readonly string[];
  readonly obstacles: readonly Obstacle[];
  /** The most that a step holds at once. */
  readonly bytes: number;
}

export interface TrainingGraphRequest {
  readonly student: Model;
  /** Names of the initializers that are trained. */
  readonly weights: readonly string[];
  readonly losses: readonly PlannedLoss[];
  readonly temperature: number;
  /** One batch: its shapes count. */
  readonly feeds: Feeds;
  /** The teacher's values for it, by name. */
  readonly teacher: Readonly<Record<string, Tensor>>;
  /** Right answers, [rows]; null without. */
  readonly labels: Tensor | null;
  /** Weights of projections, by the student's value: made by the first graph that needs them. */
  readonly projections: Map<string, Projection>;
  /** Class scores of the student that are wanted beside its loss. */
  readonly answers?: string | null;
  /** Values of the student that are wanted beside losses and gradients. */
  readonly observed?: readonly string[];
  /** Whether values of the forward pass are computed a second time, so that fewer of them are held (gradient checkpointing). */
  readonly recompute?: boolean;
  readonly engine: Engine;
}

/** A matrix [own, wanted] that brings features of the student to the teacher's width; it is trained, and left out of the result. */
export interface Projection {
  readonly own: number;
  readonly wanted: number;
}

export function projectionName(value: string): string {
  return `training/projection/${value}`;
}

/** Throws MODEL_UNSUPPORTED where the student does not run, or shapes cannot be compared. */
export async function buildTrainingGraph(request: TrainingGraphRequest): Promise<TrainingGraph> {
  const { model, builder, sources, total, outputs, exposed } = await withLosses(request);
  const { graph } = model;
  const [loss, ...terms] = outputs.map(({ name }) => name);
  const { observed = [], answers = null } = request;
  const facts = { model, lossModel: cloneModel(model), loss, answers, terms, observed };
  if (answers !== null) graph.removeOutput(exposed.get(answers)!);
  const obstacles = findObstacles(builder, sources, [total]);
  if (obstacles.length > 0) return { ...facts, gradients: new Map(), obstacles, bytes: 0 };
  for (const name of observed) graph.addOutput(exposed.get(name)!);
  const gradients = new Map<string, string>();
  const forward = [...graph.nodes()];
  const found = differentiate(builder, new Map([[total, builder.scalar(1)]]), sources);
  const results = new Map<Value, Value>();
  for (const [source, gradient] of found) {
    const output = gradient.isGraphOutput || !gradient.producer ? builder.unary('Identity', gradient) : gradient;
    results.set(source, output);
    graph.addOutput(output);
  }
  if (request.recompute) recompute(builder, { forward, weights: new Set(sources) });
  const bytes = peakBytes(graph, builder.shapes);
  for (const [source, gradient] of endInOrder(builder, results)) gradients.set(source.name, gradient.name);
  return { ...facts, gradients, obstacles, bytes };
}

/**
 * Has the nodes that end in gradients stand last, those of the first weights first: onnxruntime orders nodes from the last end of the graph on, and would otherwise go all the way
 * back before it multiplies anything to the gradient of a weight, with all values alive.
 */
function endInOrder(builder: GraphBuilder, gradients: ReadonlyMap<Value, Value>): Map<Value, Value> {
  const { graph } = builder;
  const places = new Map([...graph.nodes()].map((node, place) => [node, place]));
  const placeOf = ([, gradient]: readonly [Value, Value]): number => places.get(gradient.producer!) ?? 0;
  const moved = [...gradients].sort((a, b) => placeOf(b) - placeOf(a));
  const result = new Map(gradients);
  for (const [source, gradient] of moved) {
    const node = gradient.producer!;
    const isEnd = gradient.uses.size === 0 && node.outputs.length === 1;
    const shape = builder.shapeOf(gradient);
    graph.removeOutput(gradient);
    const { opType, domain, inputs } = node;
    const attributes = Object.fromEntries(node.attributes);
    const output = isEnd ? builder.op(opType, inputs, shape, { domain, attributes }) : gradient;
    if (isEnd) graph.remove(node);
    output.type = tensorType('float32', shape);
    graph.addOutput(output);
    result.set(source, output);
  }
  return result;
}

/** As `buildTrainingGraph`, without gradients. */
export async function buildLossGraph(request: TrainingGraphRequest): Promise<LossGraph> {
  const { model, outputs } = await withLosses(request);
  return { lossModel: model, loss: outputs[0].name, answers: request.answers ?? null };
}

interface WithLosses {
  readonly model: Model;
  readonly builder: GraphBuilder;
  /** What gradients are taken by. */
  readonly sources: readonly Value[];
  /** The weighted sum of the losses. */
  readonly total: Value;
  /** It and the losses, as outputs of the graph. */
  readonly outputs: readonly Value[];
  /** Values of the student, by name. */
  readonly exposed: ReadonlyMap<string, Value>;
}

/** The student for these shapes, with losses as its only outputs. */
async function withLosses(request: TrainingGraphRequest): Promise<WithLosses> {
  const { model, shapes } = await specialize(
    exposeValues(request.student, namesOfValues(request)),
    request.feeds,
    new Set(request.weights),
    request.engine,
  );
  const { graph } = model;
  const exposed = new Map(graph.outputs.map((value) => [value.name, value]));
  const fed = makeWeightsInputs(graph, shapes, request.weights);
  const builder = new GraphBuilder(graph, shapes, 'training');
  const sources = [...fed.values()].map(({ input }) => input);
  const addInput = (name: string, dataType: DataType, shape: readonly number[]): Value => {
    const known = graph.inputs.find((input) => input.name === name);
    if (known) return known;
    const input = graph.addInput(name, tensorType(dataType, shape));
    shapes.set(input, shape);
    return input;
  };
  const terms = request.losses.map((loss) => {
    const parts = loss.pairs.map(({ student, teacher }) => {
      const own = exposed.get(student)!;
      if (teacher === null) {
        if (!request.labels) throw unsupportedModel('The loss labels needs right answers, and the data has none');
        return crossEntropy(builder, own, addInput(labelsInput, 'int64', request.labels.shape));
      }
      const target = request.teacher[teacher];
      const other = addInput(teacherInput(teacher), 'float32', target.shape);
      return comparison(loss, own, other, student);
    });
    return builder.scale(
      parts.reduce((sum, part) => builder.add(sum, part)),
      1 / parts.length,
    );
  });

  function comparison({ name }: PlannedLoss, own: Value, other: Value, student: string): Value {
    switch (name) {
      case 'logits':
        return logitsLoss(builder, own, other, request.temperature);
      case 'attention':
        return attentionDivergence(builder, own, other);
      case 'relations':
        return similarityError(builder, own, other);
      default: {
        const [a, b] = [own, other].map((value) => builder.shapeOf(value));
        const axis = a.length === 4 ? 1 : a.length - 1;
        if (a[axis] === b[axis]) return relativeSquaredError(builder, own, other);
        request.projections.set(student, { own: a[axis], wanted: b[axis] });
        const matrix = addInput(projectionName(student), 'float32', [a[axis], b[axis]]);
        sources.push(matrix);
        return relativeSquaredError(builder, project(builder, own, matrix), other);
      }
    }
  }

  const total = terms
    .map((term, index) => builder.scale(term, request.losses[index].weight))
    .reduce((sum, term) => builder.add(sum, term));
  for (const output of [...graph.outputs]) graph.removeOutput(output);
  const outputs = [total, ...terms].map((value) => {
    // A term that is the loss, or a constant, is told apart by a node of its own.
    const output = builder.unary('Identity', value);
    output.type = tensorType('float32', []) satisfies TensorType;
    graph.addOutput(output);
    return output;
  });
  if (request.answers) graph.addOutput(exposed.get(request.answers)!);
  return { model, builder, sources, total, outputs, exposed };
}

/** Class scores are compared as distributions, anything else as numbers. */
function logitsLoss(builder: GraphBuilder, own: Value, other: Value, temperature: number): Value {
  const [a, b] = [own, other].map((value) => builder.shapeOf(value));
  if (a.join() !== b.join()) {
    throw unsupportedModel(`The output of the student is [${a}], and that of the teacher [${b}]`);
  }
  const classes = (a.length === 2 || a.length === 3) && a[a.length - 1] > 1;
  return classes ? softenedDivergence(builder, own, other, temperature) : relativeSquaredError(builder, own, other);
}

/** A copy whose compared values are outputs, under their names. */
/** What losses compare, and what else is asked for. */
function namesOfValues({ losses, observed = [], answers = null }: TrainingGraphRequest): string[] {
  const compared = losses.flatMap(({ pairs }) => pairs.map((pair) => pair.student));
  return [...compared, ...(answers === null ? [] : [answers]), ...observed];
}
