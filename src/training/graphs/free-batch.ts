// Gives a model that declares how many examples it takes a batch axis of any length, for training alone: what its file writes of the batch (targets of Reshape and
// Expand, sizes of Resize, constants that are joined with examples) follows the batch. Whether examples stay apart is tried on some of them.
import { findStaticValues, forgetDeclared } from '../../autodiff/index.js';
import { stack } from '../../data/index.js';
import type { Engine, Feeds, Session } from '../../engine/index.js';
import { DsoptError } from '../../errors.js';
import {
  cloneModel,
  type Graph,
  intAttribute,
  type Model,
  type Node,
  type TensorType,
  type Value,
} from '../../ir/index.js';
import { constantSource } from '../../ops/index.js';
import { NodeInserter } from '../../rewrite/index.js';
import { int64Tensor, type Tensor } from '../../tensor/index.js';

/** The length of the batch axis where a model declares one, the least of several; null where it takes any. */
export function fixedBatch({ graph }: Model): number | null {
  const lengths = fedInputs(graph).flatMap(({ type }) => {
    const first = type?.kind === 'tensor' ? type.shape?.[0] : null;
    return typeof first === 'number' ? [first] : [];
  });
  return lengths.length > 0 ? Math.min(...lengths) : null;
}

/**
 * A copy that takes any number of examples at once and computes of each what `model` computes; null where that cannot be had. `samples`: a few examples, each of one
 * row or of as many as the model takes. Names of weights stay.
 */
export async function withFreeBatch(model: Model, samples: readonly Feeds[], engine: Engine): Promise<Model | null> {
  const length = fixedBatch(model);
  if (length === null) return model;
  const batches = twoBatches(fedInputs(model.graph), samples, length);
  if (!batches) return null;
  try {
    const types = await engine.inferTypes(model);
    const copy = cloneModel(model);
    const shapes = new Map<string, readonly number[]>();
    for (const [{ name }, { shape }] of types) {
      if (shape?.every((dim) => typeof dim === 'number')) shapes.set(name, shape as readonly number[]);
    }
    follow(copy.graph, length, shapes);
    return (await keepsExamplesApart(model, copy, batches, engine)) ? copy : null;
  } catch (cause) {
    if (cause instanceof DsoptError && cause.code === 'MODEL_UNSUPPORTED') return null;
    throw cause;
  }
}

function fedInputs(graph: Graph): readonly Value[] {
  return graph.inputs.filter(({ isInitializer }) => !isInitializer);
}

/** Two batches of `length` rows that differ; null where the samples give none, or an input has no such axis. */
function twoBatches(inputs: readonly Value[], samples: readonly Feeds[], length: number): readonly Feeds[] | null {
  if (samples.length < 2) return null;
  const batchAt = (start: number): Feeds | null => {
    const feeds: Record<string, Tensor> = {};
    for (const [position, { name, type }] of inputs.entries()) {
      const declared = type?.kind === 'tensor' ? type.shape?.[0] : undefined;
      if (typeof declared === 'number' && declared !== length) return null;
      const rows: Tensor[] = [];
      for (let i = start; rows.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0) < length; i++) {
        const sample = samples[i % samples.length];
        const tensor = sample[name] ?? Object.values(sample)[position];
        if (!tensor || tensor.shape.length === 0 || tensor.shape[0] === 0) return null;
        rows.push(tensor);
      }
      const joined = stacked(rows);
      if (joined?.shape[0] !== length) return null;
      feeds[name] = joined;
    }
    return feeds;
  };
  const first = batchAt(0);
  const second = batchAt(1);
  return first && second && [first, second];
}

/** Writes that the first axis of inputs is free, and has the constants of the graph that say its length follow it. `shapes`: of values, as they were. */
function follow(graph: Graph, length: number, shapes: ReadonlyMap<string, readonly number[]>): void {
  const inputs = fedInputs(graph);
  for (const input of inputs) {
    if (input.type?.kind !== 'tensor' || !input.type.shape) continue;
    input.type = { ...input.type, shape: ['batch', ...input.type.shape.slice(1)] } satisfies TensorType;
  }
  forgetDeclared(graph);
  const same = findStaticValues(graph, new Set());
  const isStatic = (value: Value): boolean => value.constant !== null || same.has(value);
  for (const node of [...graph.nodes()]) {
    if (node.outputs[0] && same.has(node.outputs[0])) continue;
    const shapeOf = (value: Value | null): readonly number[] | undefined =>
      value ? (value.constant?.shape ?? shapes.get(value.name)) : undefined;
    if (node.is('Reshape')) followInReshape(node, length, shapeOf(node.output));
    else if (node.is('Expand')) followInSizes(node, 1, length);
    else if (node.is('Resize')) followInSizes(node, 3, length);
    else if (node.is('Concat')) followInConcat(node, length, shapeOf, isStatic);
    else if (node.is('LSTM', 'GRU', 'RNN')) forgetZeroStates(node);
  }
}

/** The batch is the outermost of what is flattened: the first length of the target is what remains of the others. */
function followInReshape(node: Node, length: number, output: readonly number[] | undefined): void {
  const target = constantSource(node.input(1))?.tensor.readNumbers();
  if (!target || target.length === 0 || target[0] < 1 || !output || output[0] % length !== 0 || output.includes(0))
    return;
  const free = node.graph!.addInitializer(
    node.graph!.scope.uniqueName(`${node.output.name}_of_any_batch`),
    int64Tensor([target.length], [-1n, ...output.slice(1).map(BigInt)]),
  );
  node.replaceInput(1, free);
}

/** Sizes at `index` that begin with the length of the batch: it is that of the first input. */
function followInSizes(node: Node, index: number, length: number): void {
  const sizes = constantSource(node.input(index))?.tensor.readNumbers();
  if (!sizes || sizes.length < 2 || sizes[0] !== length || node.attributes.get('axes')) return;
  const inserter = new NodeInserter(node, node.output.name);
  node.replaceInput(index, sizesOf(inserter, node.input(0)!, sizes.slice(1)));
}

/** A constant of `length` equal rows (a class token) is repeated for every example that it is joined with. */
function followInConcat(
  node: Node,
  length: number,
  shapeOf: (value: Value | null) => readonly number[] | undefined,
  isStatic: (value: Value) => boolean,
): void {
  const example = node.inputs.find((value) => value && !isStatic(value) && shapeOf(value)?.[0] === length);
  if (!example || node.attributes.int('axis', 0) === 0) return;
  for (const [index, value] of node.inputs.entries()) {
    const shape = shapeOf(value);
    if (!value || !isStatic(value) || shape?.[0] !== length || length > 1) continue;
    const inserter = new NodeInserter(node, value.name);
    const sizes = sizesOf(inserter, example, shape.slice(1));
    node.replaceInput(index, inserter.add('Expand', [value, sizes], 'for_each'));
  }
}

/** [rows of `example`, ...rest], computed. */
function sizesOf(inserter: NodeInserter, example: Value, rest: readonly number[]): Value {
  const { graph } = inserter;
  const constant = (suffix: string, numbers: readonly number[]): Value =>
    graph.addInitializer(
      graph.scope.uniqueName(`${example.name}_${suffix}`),
      int64Tensor([numbers.length], numbers.map(BigInt)),
    );
  const shape = inserter.add('Shape', [example], 'shape');
  const rows = inserter.add('Gather', [shape, constant('first', [0])], 'rows');
  return inserter.add('Concat', [rows, constant('rest', rest)], 'sizes', { attributes: { axis: intAttribute(0) } });
}

/** Initial states of zeros are what is taken where none are given, for any batch. */
function forgetZeroStates(node: Node): void {
  for (const index of [5, 6]) {
    const state = constantSource(node.input(index))?.tensor;
    if (state?.readNumbers().every((value) => value === 0)) node.replaceInput(index, null);
  }
}

/** Share of the difference between two examples by which an answer may differ in a larger batch. */
const mostApart = 0.02;
const rounding = 1e-5;

async function keepsExamplesApart(
  model: Model,
  free: Model,
  batches: readonly Feeds[],
  engine: Engine,
): Promise<boolean> {
  const names = Object.keys(batches[0]);
  const joined = Object.fromEntries(names.map((name) => [name, stacked(batches.map((feeds) => feeds[name]))!]));
  const outputs = await withSession(engine, model, async (session) => [
    await session.run(batches[0]),
    await session.run(batches[1]),
  ]);
  const together = await withSession(engine, free, (session) => session.run(joined));
  return Object.entries(together).every(([name, tensor]) => {
    const parts = outputs.map((each) => each[name]);
    const [a, b] = parts.map((part) => part.readNumbers());
    if (parts[0].shape.length === 0 || tensor.shape[0] !== 2 * parts[0].shape[0]) return false;
    if (tensor.size !== a.length + b.length) return false;
    const found = tensor.readNumbers();
    const difference = (from: readonly number[], to: readonly number[]): number =>
      Math.sqrt(from.reduce((sum, value, i) => sum + (value - to[i]) ** 2, 0));
    const wanted = [...a, ...b];
    const most =
      mostApart * difference(a, b) + rounding * Math.sqrt(wanted.reduce((sum, value) => sum + value ** 2, 0));
    return difference(wanted, found) <= most;
  });
}

async function withSession<T>(engine: Engine, model: Model, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await engine.open(model, { lowMemory: true });
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

/** Along the first axis; null where the shapes differ otherwise. */
function stacked(tensors: readonly Tensor[]): Tensor | null {
  const [{ dataType, shape }] = tensors;
  const rest = shape.slice(1).join();
  if (tensors.some((tensor) => tensor.dataType !== dataType || tensor.shape.slice(1).join() !== rest)) return null;
  return stack(tensors);
}
