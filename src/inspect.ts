// What a model consists of: where its bytes and its multiplications are. Reads no weights.

import { countMacs, type MacCount } from './analysis/count-macs.js';
import { propagateShapes } from './analysis/shapes/propagate-shapes.js';
import type { Engine } from './engine/index.js';
import { DsoptError } from './errors.js';
import { cloneModel, formatType, type Model, type TensorType, tensorType, type Value } from './ir/index.js';
import { describeModel } from './report/facts/model-facts.js';
import { type WeightUse, weightUses } from './report/facts/weight-uses.js';
import type { InspectionReport } from './report/index.js';
import { schemaName } from './report/schema/schema-name.js';
import { likelyShapes } from './synthetic/index.js';

export interface InspectOptions {
  /** How many of the largest tensors are listed; default 10. */
  readonly top?: number;
  /** Shapes by input name, for dynamic axes; those not given are as long as is likely. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Infers the shapes that the file does not tell. */
  readonly engine?: Engine;
}

/** Throws USAGE for input shapes that do not fit the model. */
export async function inspect(
  model: Model,
  { top = 10, inputShapes = {}, engine }: InspectOptions = {},
): Promise<InspectionReport> {
  const inputs = model.graph.inputs.filter(({ isInitializer }) => !isInitializer);
  const shapes = likelyShapes(model, inputShapes);
  const costs = await modelMacs(model, shapes, engine);
  const weights = weightUses(model);
  return {
    schema: schemaName,
    command: 'inspect',
    model: describeModel(model),
    irVersion: model.irVersion,
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
    metadata: Object.fromEntries(model.metadataProps),
    subgraphs: [...model.graph.allGraphs()].length - 1,
    functions: model.functions.map(({ domain, name }) => (domain === '' ? name : `${domain}::${name}`)),
    inputs: inputs.map(describeValue),
    outputs: model.graph.outputs.map(describeValue),
    dynamicAxes: dynamicAxes(inputs),
    operators: describeOperators(model, weights, costs.byOperator),
    macs: {
      total: costs.total,
      inputShapes: Object.fromEntries([...shapes].map(([name, shape]) => [name, [...shape]])),
      uncounted: costs.unknown + costs.repeated,
    },
    largestTensors: [...weights]
      .sort((a, b) => b.tensor.byteLength - a.tensor.byteLength)
      .slice(0, top)
      .map(({ name, tensor, operators }) => ({
        name,
        dataType: tensor.dataType,
        shape: [...tensor.shape],
        bytes: tensor.byteLength,
        usedBy: [...operators],
      })),
  };
}

function describeValue({ name, type }: Value): InspectionReport['inputs'][number] {
  if (type?.kind !== 'tensor') return { name, type: type === null ? 'unknown' : formatType(type), shape: null };
  return { name, type: type.dataType, shape: type.shape && [...type.shape] };
}

function dynamicAxes(inputs: readonly Value[]): Record<string, string[]> {
  const axes = new Map<string, string[]>();
  for (const { name, type } of inputs) {
    if (type?.kind !== 'tensor') continue;
    type.shape?.forEach((dim, axis) => {
      if (typeof dim === 'number') return;
      const symbol = dim ?? '?';
      axes.set(symbol, [...(axes.get(symbol) ?? []), `${name}[${axis}]`]);
    });
  }
  return Object.fromEntries(axes);
}

function describeOperators(
  model: Model,
  weights: readonly WeightUse[],
  macs: ReadonlyMap<string, number>,
): InspectionReport['operators'] {
  const nodes = new Map<string, number>();
  for (const { qualifiedType } of model.allNodes()) nodes.set(qualifiedType, (nodes.get(qualifiedType) ?? 0) + 1);
  const bytes = new Map<string, number>();
  for (const { tensor, operators } of weights) {
    // A tied weight is in the file once: it counts for the first operator that takes it.
    const operator = operators[0] ?? 'unused';
    bytes.set(operator, (bytes.get(operator) ?? 0) + tensor.byteLength);
  }
  return [...new Set([...nodes.keys(), ...bytes.keys()])]
    .map((operator) => ({
      operator,
      nodes: nodes.get(operator) ?? 0,
      weightBytes: bytes.get(operator) ?? 0,
      macs: macs.get(operator) ?? 0,
    }))
    .sort(
      (a, b) =>
        b.weightBytes - a.weightBytes || b.macs - a.macs || b.nodes - a.nodes || (a.operator < b.operator ? -1 : 1),
    );
}

/** An engine is asked only about what walking the graph did not tell. */
async function modelMacs(model: Model, inputShapes: InputShapes, given: Engine | undefined): Promise<MacCount> {
  const shapes = propagateShapes(model, inputShapes);
  const shapeOf = (value: Value): readonly number[] | null => value.constant?.shape ?? shapes.get(value) ?? null;
  const costs = countMacs(model, shapeOf);
  if (costs.unknown === 0) return costs;
  const engine = given ?? (await import('./engine/index.js')).createOnnxRuntimeEngine();
  const inferred = await engine.inferTypes(withInputShapes(model, inputShapes)).catch((error: unknown) => {
    // What the engine cannot run can be looked at all the same; some nodes stay uncounted.
    if (error instanceof DsoptError && error.code === 'MODEL_UNSUPPORTED') return new Map<Value, TensorType>();
    throw error;
  });
  const byName = new Map([...inferred].map(([value, type]) => [value.name, type.shape]));
  return countMacs(model, (value) => {
    const shape = shapeOf(value) ?? byName.get(value.name) ?? null;
    return shape?.every((dim) => typeof dim === 'number') ? (shape as readonly number[]) : null;
  });
}

type InputShapes = ReadonlyMap<string, readonly number[]>;

/** A copy of the model whose inputs have these shapes. */
function withInputShapes(model: Model, shapes: InputShapes): Model {
  const clone = cloneModel(model);
  for (const input of clone.graph.inputs) {
    const shape = shapes.get(input.name);
    if (shape && input.type?.kind === 'tensor') input.type = tensorType(input.type.dataType, shape);
  }
  return clone;
}
