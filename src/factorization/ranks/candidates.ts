// The operators that a family can factorize, with all that its choice of ranks depends on; and why the others are left alone.
import { type LinearOperator, linearOperator, propagateShapes, readBias, readRows } from '../../analysis/index.js';
import { hasRows } from '../../calibration/index.js';
import type { Engine } from '../../engine/index.js';
import { DsoptError, internalError } from '../../errors.js';
import { cloneModel, type Model, type Node, type TensorType, tensorType, type Value } from '../../ir/index.js';
import { type Matrix, matrixFrom } from '../../numeric/index.js';
import type { PassContext } from '../../pass/index.js';
import { likelyShapes } from '../../synthetic/index.js';
import { families } from '../decompositions/factorize-task.js';
import type { FamilyName } from '../decompositions/family.js';
import { type OperatorShape, parametersOf } from '../decompositions/problem.js';
import type { FactorizationOptions } from '../options.js';

export interface Candidate {
  /** Those that can factorize it, one at least. */
  readonly families: readonly FamilyName[];
  readonly operator: LinearOperator;
  readonly shape: OperatorShape;
  /** Of the activation, for measuring speed; null where it is not known. */
  readonly inputShape: readonly number[] | null;
  /** Parameters of the original. */
  readonly parameters: number;
  readonly macs: number;
}

/** `names`: in the order in which they are preferred where only one can be taken. Records what is left alone. */
export async function findCandidates(
  model: Model,
  names: readonly FamilyName[],
  operators: readonly string[],
  options: Pick<FactorizationOptions, 'minimumSize'>,
  context: PassContext,
): Promise<Candidate[]> {
  const found: { node: Node; operator: LinearOperator }[] = [];
  for (const node of context.targets(...operators)) {
    const operator = linearOperator(node, model);
    if (operator === null) {
      context.record.skipped(node, `weights of ${node.opType} are not factorized`);
      continue;
    }
    const obstacle = typeof operator === 'string' ? operator : obstacleOf(operator, model, options, context);
    if (obstacle !== null) context.record.skipped(node, obstacle);
    else if (typeof operator !== 'string') found.push({ node, operator });
  }
  if (found.length === 0) return [];
  const shapeOf = await shapesOf(model, context.engine);
  return found.flatMap(({ node, operator }) => {
    const inputShape = shapeOf(operator.input);
    const shape = describe(operator, inputShape, shapeOf(node.output));
    const obstacles = names.map((name) => families[name].obstacle(shape));
    const able = names.filter((_, index) => obstacles[index] === null);
    if (able.length === 0) {
      context.record.skipped(node, obstacles[0] ?? 'no way to factorize it was asked for');
      return [];
    }
    const parameters = parametersOf(shape);
    return [{ families: able, operator, shape, inputShape, parameters, macs: parameters * shape.positions.output }];
  });
}

function obstacleOf(
  operator: LinearOperator,
  model: Model,
  { minimumSize }: Pick<FactorizationOptions, 'minimumSize'>,
  { samples }: PassContext,
): string | null {
  const { node, weight, kind, ownsWeight } = operator;
  if (node.graph?.scope !== model.graph.scope) return 'it belongs to a local function';
  if (kind === 'conv-transpose') return 'transposed convolutions are not factorized';
  if (weight.dataType !== 'float32' && weight.dataType !== 'float16') return `its weight is ${weight.dataType}`;
  if (weight.tensor.size < minimumSize) return `its weight has only ${weight.tensor.size} elements`;
  if (!ownsWeight) return 'its weight is used elsewhere too, and would have to be kept';
  if (!readRows(operator).every(Number.isFinite)) return 'its weight has elements that are not finite';
  if (samples === null) return null;
  if (node.graph !== model.graph) return 'it is in a subgraph, where its inputs cannot be observed';
  if (!hasRows(operator)) return 'its kernel extends over three axes, whose patches are not observed';
  if (readBias(operator, model) === null) return 'its bias is computed while the model runs';
  return null;
}

function describe(
  { kind, outputChannels, rowLength, groups, weight }: LinearOperator,
  input: readonly number[] | null,
  output: readonly number[] | null,
): OperatorShape {
  const kernel = kind === 'conv' ? weight.shape.slice(2) : [];
  const elements = kernel.reduce((product, length) => product * length, 1);
  const positionsIn = (shape: readonly number[] | null): number => {
    const positions = kind === 'conv' ? shape?.slice(2) : shape?.slice(0, -1);
    return positions?.reduce((product, length) => product * length, 1) ?? 1;
  };
  const known = input !== null && output !== null;
  return {
    kind: kind === 'conv' ? 'conv' : 'matrix',
    outputChannels,
    inputChannels: (rowLength / elements) * groups,
    groups,
    kernel,
    positions: known ? { input: positionsIn(input), output: positionsIn(output) } : { input: 1, output: 1 },
  };
}

/** Its operator, of which edits may have changed the values around the node. */
export function asItIsNow({ operator: { node } }: Candidate, model: Model): LinearOperator {
  const operator = linearOperator(node, model);
  if (operator === null || typeof operator === 'string')
    throw internalError(`${node.name} is no linear operator any more`);
  return operator;
}

/** W by group: output channels × row length. */
export function weightsOf({ operator, shape }: Candidate): Matrix[] {
  const rows = readRows(operator);
  const alpha = operator.node.is('Gemm') ? operator.node.attributes.float('alpha', 1) : 1;
  const size = rows.length / shape.groups;
  return Array.from({ length: shape.groups }, (_, group) => {
    const part = rows.subarray(group * size, (group + 1) * size);
    const matrix = matrixFrom(shape.outputChannels / shape.groups, operator.rowLength, part);
    if (alpha !== 1) for (let i = 0; i < matrix.data.length; i++) matrix.data[i] *= alpha;
    return matrix;
  });
}

/** Shapes of values where all axes are known, dynamic ones as long as is likely. */
async function shapesOf(model: Model, engine: Engine): Promise<(value: Value) => readonly number[] | null> {
  const inputShapes = likelyShapes(model, {});
  const walked = propagateShapes(model, inputShapes);
  const clone = cloneModel(model);
  for (const input of clone.graph.inputs) {
    const shape = inputShapes.get(input.name);
    if (shape && input.type?.kind === 'tensor') input.type = tensorType(input.type.dataType, shape);
  }
  const inferred = await engine.inferTypes(clone).catch((error: unknown) => {
    if (error instanceof DsoptError && error.code === 'MODEL_UNSUPPORTED') return new Map<Value, TensorType>();
    throw error;
  });
  const byName = new Map([...inferred].map(([value, type]) => [value.name, type.shape]));
  return (value) => {
    const shape = walked.get(value) ?? byName.get(value.name) ?? null;
    return shape?.every((dim) => typeof dim === 'number') ? (shape as readonly number[]) : null;
  };
}
