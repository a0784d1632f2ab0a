// Makes a copy of a model for inputs of given shapes: everything that follows from shapes and constants becomes a constant, branches that are always taken
// replace their If, and the shape of every value is known, as the engine tells it.
import type { Engine, Feeds } from '../engine/index.js';
import { unsupportedModel } from '../errors.js';
import { cloneModel, type Graph, type Model, type TensorType, tensorType, type Value } from '../ir/index.js';
import type { Tensor } from '../tensor/index.js';
import { expandComposites } from './expand/index.js';
import { GraphBuilder, type Shape } from './graph-builder.js';
import { inlineBranch } from './inline-branch.js';
import { liftConstants, replaceByConstant } from './lift-constants.js';
import { modernize } from './modernize.js';
import { findStaticValues } from './static-values.js';

export interface SpecializedModel {
  readonly model: Model;
  /** Of every tensor of the main graph. */
  readonly shapes: Map<Value, Shape>;
}

/**
 * `feeds`: one set of inputs of the shapes wanted; `trained`: names of the initializers that stay variable. Nodes follow opset 18 or later. Throws
 * MODEL_UNSUPPORTED for what the engine cannot run.
 */
export async function specialize(
  original: Model,
  feeds: Feeds,
  trained: ReadonlySet<string>,
  engine: Engine,
): Promise<SpecializedModel> {
  const model = cloneModel(original);
  const { graph } = model;
  if (model.functions.length > 0) throw unsupportedModel('Models with local functions cannot be differentiated');
  fixInputs(graph, feeds);
  liftConstants(graph);
  do {
    await foldStatic(model, feeds, trained, engine);
  } while (inlineBranches(graph));
  const known = await probeShapes(model, feeds, engine);
  modernize(model, known);
  expandComposites(new GraphBuilder(graph, known, 'expanded'));
  graph.sort();
  await foldStatic(model, feeds, trained, engine);
  dropUnused(graph);
  return { model, shapes: await probeShapes(model, feeds, engine) };
}

/** Declares the shapes of the inputs, forgets what the file declares of values in between. */
function fixInputs(graph: Graph, feeds: Feeds): void {
  for (const input of [...graph.inputs]) {
    const tensor = feeds[input.name];
    if (tensor) input.type = tensorType(tensor.dataType, tensor.shape);
    // Defaults that a caller could override.
    if (input.isInitializer) graph.removeInput(input);
  }
  forgetDeclared(graph);
}

/** What the file says of values in between holds for its own shapes. */
export function forgetDeclared(graph: Graph): void {
  for (const node of graph.allNodes()) {
    for (const output of node.outputs) {
      if (!output) continue;
      output.type = null;
      // The encoder would write the type that was loaded.
      output.opaque = null;
    }
  }
}

/** Static values that something else uses are computed once and become initializers; what made them goes. */
async function foldStatic(model: Model, feeds: Feeds, trained: ReadonlySet<string>, engine: Engine): Promise<void> {
  const { graph } = model;
  const variables = new Set([...graph.initializers].filter(({ name }) => trained.has(name)));
  const found = findStaticValues(graph, variables);
  const wanted = [...found].filter(
    (value) =>
      !value.isGraphOutput && [...value.uses].some(({ node }) => node.outputs.some((out) => out && !found.has(out))),
  );
  // Sequences and optionals stay.
  const tensors = wanted.filter((value) => !value.producer?.opType.includes('Sequence'));
  if (tensors.length > 0) {
    const results = await runWith(model, feeds, engine, (copy) => tensors.map(({ name }) => copy.get(name)!));
    for (const [index, value] of tensors.entries()) replaceByConstant(graph, value, results[index]);
  }
  dropUnused(graph);
}

function inlineBranches(graph: Graph): boolean {
  let inlined = false;
  for (const node of [...graph.nodes()]) {
    const condition = node.is('If') ? node.input(0)?.constant : null;
    if (!condition) continue;
    inlineBranch(node, condition.readNumbers()[0] !== 0);
    inlined = true;
  }
  return inlined;
}

/** Runs the model with other outputs, in their order. */
async function runWith(
  model: Model,
  feeds: Feeds,
  engine: Engine,
  choose: (values: ReadonlyMap<string, Value>, graph: Graph) => readonly Value[],
): Promise<Tensor[]> {
  const copy = cloneModel(model);
  const { graph } = copy;
  for (const output of [...graph.outputs]) graph.removeOutput(output);
  const values = new Map<string, Value>();
  for (const node of [...graph.nodes()]) for (const output of node.outputs) if (output) values.set(output.name, output);
  const wanted = choose(values, graph);
  for (const value of wanted) graph.addOutput(value);
  dropUnused(graph);
  const session = await engine.open(copy, { optimization: 'disabled' });
  try {
    const given = Object.fromEntries(session.inputs.map(({ name }) => [name, feeds[name]]));
    const results = await session.run(given);
    return wanted.map(({ name }) => results[name]);
  } finally {
    await session.close();
  }
}

/** Shapes of all tensors as the engine computes them for `feeds`, and the types that it infers. */
async function probeShapes(model: Model, feeds: Feeds, engine: Engine): Promise<Map<Value, Shape>> {
  const { graph } = model;
  const shapes = new Map<Value, Shape>();
  for (const input of graph.inputs) if (feeds[input.name]) shapes.set(input, feeds[input.name].shape);
  for (const value of graph.initializers) shapes.set(value, value.constant!.shape);
  const types = await engine.inferTypes(model);
  const computed: Value[] = [];
  for (const node of graph.nodes()) {
    for (const output of node.outputs) {
      if (!output) continue;
      const type = types.get(output);
      if (!type) continue;
      output.type = type;
      const shape = fixedShape(type);
      // An empty shape may also be an unknown rank.
      if (shape && shape.length > 0) shapes.set(output, shape);
      else computed.push(output);
    }
  }
  if (computed.length === 0) return shapes;
  const results = await runWith(model, feeds, engine, (values, copy) =>
    computed.map(({ name }) => copy.append({ opType: 'Shape', inputs: [values.get(name)!] }).output),
  );
  for (const [index, value] of computed.entries()) shapes.set(value, results[index].readNumbers());
  return shapes;
}

function fixedShape({ shape }: TensorType): number[] | null {
  if (!shape?.every((dim) => typeof dim === 'number')) return null;
  return [...(shape as readonly number[])];
}

/** Removes nodes and initializers that no output depends on. */
function dropUnused(graph: Graph): void {
  for (const node of [...graph.nodes()].reverse()) {
    if (node.outputs.every((output) => !output?.isUsed)) graph.remove(node);
  }
  for (const value of [...graph.initializers]) if (!value.isUsed) graph.removeInitializer(value);
}
