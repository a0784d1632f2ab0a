// Types and shapes of every value through onnxruntime's own inference: each value of the main graph becomes an output of a copy of
// the model, large weights become inputs (only their shapes matter), and the session says what its outputs are. It is created
// "compile only": graphs are resolved, kernels are neither looked for nor made.
import { cloneModel, type Model, type TensorType, tensorType, type Value } from '../../ir/index.js';
import { encodeWithReferences } from '../../onnx/index.js';
import { dataTypeOf, isFloat, type Tensor } from '../../tensor/index.js';
import { type OutputMetadata, readOutputMetadata } from './native-metadata.js';
import { rankAmbiguities } from './rank-ambiguities.js';
import { nativeOptions } from './runtime.js';

/** Tensors of more elements than this are only weights: nothing reads axes or shapes from them. */
const mostFloats = 1024;
const mostIntegers = 8192;
/** Sessions spent on finding the values that onnxruntime cannot describe. */
const mostSessions = 24;

/** Where onnxruntime cannot infer, what the file declares stands; values of which nothing is known are missing. */
export async function inferTypes(model: Model): Promise<ReadonlyMap<Value, TensorType>> {
  const { graph } = model;
  const types = new Map<Value, TensorType>();
  const declare = (value: Value): void => {
    if (value.type?.kind === 'tensor') types.set(value, value.type);
  };
  graph.inputs.forEach(declare);
  graph.initializers.forEach(declare);
  const computed = new Map<string, Value>();
  for (const node of graph.nodes()) {
    for (const output of node.outputs) if (output) computed.set(output.name, output);
  }
  computed.forEach(declare);
  const probe = new TypeProbe(model);
  const rankless = new Set<Value>();
  for (const { name, typeCode, shape } of probe.describe([...computed.keys()])) {
    const value = computed.get(name)!;
    const dataType = typeCode === null ? null : dataTypeOf(typeCode);
    if (!dataType) continue;
    types.set(value, tensorType(dataType, shape));
    if (shape.length === 0) rankless.add(value);
  }
  // An empty shape is that of a scalar or of a value of unknown rank. Where the operator does not tell, the shape of its shape does.
  const ambiguous = rankAmbiguities(graph, rankless);
  const scalars = new Set(probe.scalarsAmong(ambiguous.map(({ name }) => name)));
  for (const value of ambiguous) {
    if (scalars.has(value.name)) continue;
    const declared = value.type?.kind === 'tensor' ? value.type.shape : null;
    types.set(value, tensorType(types.get(value)!.dataType, declared));
  }
  return types;
}

/** Asks onnxruntime about values of one model, by name. */
class TypeProbe {
  private readonly model: Model;
  private sessions = 0;

  constructor(model: Model) {
    this.model = model;
  }

  /** What onnxruntime says of the values; one it cannot describe, and all when the model does not load, are left out. */
  describe(names: readonly string[]): OutputMetadata[] {
    return this.settle(names, (values) => this.ask(values, false));
  }

  scalarsAmong(names: readonly string[]): string[] {
    return this.settle(names, (values) => this.ask(values, true))
      .filter(({ shape }) => shape.length === 1 && shape[0] === 0)
      .map(({ name }) => name);
  }

  /** Asks about all at once; when that fails, about halves, until what fails is found. */
  private settle(names: readonly string[], ask: (names: readonly string[]) => OutputMetadata[]): OutputMetadata[] {
    if (names.length === 0 || this.sessions >= mostSessions) return [];
    try {
      this.sessions++;
      return ask(names);
    } catch {
      if (names.length === 1) return [];
    }
    const middle = names.length >> 1;
    return [names.slice(0, middle), names.slice(middle)].flatMap((half) => this.settle(half, ask));
  }

  private ask(names: readonly string[], rank: boolean): OutputMetadata[] {
    const model = withoutWeights(cloneModel(this.model));
    const { graph } = model;
    for (const output of [...graph.outputs]) graph.removeOutput(output);
    const wanted = new Set(names);
    const asked = new Map<string, string>();
    for (const node of [...graph.nodes()]) {
      for (const output of node.outputs) {
        if (!output || !wanted.has(output.name)) continue;
        const answer = rank ? graph.append({ opType: 'Shape', inputs: [output] }).output : output;
        asked.set(answer.name, output.name);
        graph.addOutput(answer);
      }
    }
    const encoded = encodeWithReferences(model);
    try {
      const options = nativeOptions({ optimization: 'disabled' }, encoded.folder, { compileOnly: true });
      return readOutputMetadata(encoded.bytes, options).map((output) => ({ ...output, name: asked.get(output.name)! }));
    } finally {
      encoded.release();
    }
  }
}

/** Turns the weights of the main graph and its subgraphs into inputs of the model. */
function withoutWeights(model: Model): Model {
  if (!model.opsetImports.has('')) model.opsetImports.set('', 21);
  for (const graph of model.graph.allGraphs()) {
    for (const value of [...graph.initializers]) {
      const { constant, name } = value;
      if (!constant || !isWeight(constant) || value.isGraphOutput) continue;
      const input = model.graph.addInput(
        model.graph.scope.uniqueName(`${name}_weight`),
        tensorType(constant.dataType, constant.shape),
      );
      value.replaceAllUsesWith(input);
      graph.removeInitializer(value);
    }
  }
  return model;
}

function isWeight({ dataType, size }: Tensor): boolean {
  return dataType !== 'string' && size > (isFloat(dataType) ? mostFloats : mostIntegers);
}
