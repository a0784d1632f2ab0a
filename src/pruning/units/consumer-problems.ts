// The weights that sum over the units of a group, with the second moments of what they multiply.
import { type LinearOperator, linearOperator, readRows } from '../../analysis/index.js';
import { GramObserver, hasRows, type Observer, type RowSampling, type SecondMoments } from '../../calibration/index.js';
import type { MatrixProducts } from '../../engine/index.js';
import type { Model, Value } from '../../ir/index.js';
import type { BlockProblem } from './eliminate-blocks.js';
import type { PrunableGroup } from './group-kind.js';

/** Larger second moments take too long to invert and to keep. */
const mostFeatures = 2560;

export interface GroupConsumer {
  readonly operator: LinearOperator;
  readonly observer: GramObserver;
  /** Rows of W of each unit. */
  readonly blocks: readonly (readonly number[])[];
}

/** The consumers of `group`, still without observations; the reason where their errors cannot be computed. */
export function consumersOf(
  group: PrunableGroup,
  model: Model,
  products: MatrixProducts,
  sampling: RowSampling | null,
): GroupConsumer[] | string {
  const consumers: GroupConsumer[] = [];
  for (const { operand, role, coordinates } of group.parts) {
    if (role !== 'contracted') continue;
    const operator = linearOperator(operand.node, model);
    if (operator === null) return `${operand.node.opType} sums over its units`;
    if (typeof operator === 'string') return operator;
    if (operand.index !== operator.weightIndex || operand.value !== operator.weight.value)
      return 'its consumer is not understood';
    if (!hasRows(operator)) return `${operand.node.opType} has no rows to observe`;
    if (operator.rowLength > mostFeatures) return `its consumer sums over ${operator.rowLength} elements at once`;
    const kernel =
      operator.kind === 'conv' ? operator.weight.shape.slice(2).reduce((size, length) => size * length, 1) : 1;
    const blocks = coordinates.map((own) =>
      own.flatMap((at) => Array.from({ length: kernel }, (_, element) => at * kernel + element)),
    );
    consumers.push({ operator, observer: new GramObserver(operator, products, sampling), blocks });
  }
  return consumers.length > 0 ? consumers : 'nothing with weights sums over its units';
}

export function observersOf(consumers: Iterable<GroupConsumer>): [Value, Observer][] {
  return [...consumers].map(({ operator, observer }) => [operator.input, observer]);
}

/** One problem for each consumer and each group of a grouped convolution; call after `observer.finish`. */
export function blockProblems(consumers: readonly GroupConsumer[]): BlockProblem[] {
  return consumers.flatMap(({ operator, observer, blocks }) => {
    const rows = readRows(operator);
    const { rowLength: features, groups } = operator;
    const outputs = operator.outputChannels / groups;
    return observer.moments.map((moments, group): BlockProblem => {
      const weights = new Float64Array(features * outputs);
      for (let output = 0; output < outputs; output++) {
        const from = (group * outputs + output) * features;
        for (let feature = 0; feature < features; feature++) weights[feature * outputs + output] = rows[from + feature];
      }
      const hessian = centred(moments);
      return {
        hessian,
        features,
        weights,
        outputs,
        blocks,
        scale: outputVariance(hessian, features, weights, outputs),
      };
    });
  });
}

/** E[xxᵀ] − E[x]E[x]ᵀ: a constant goes into the bias. */
export function centred({ gram, sum, count, columns }: SecondMoments): Float64Array {
  const covariance = new Float64Array(gram.length);
  for (let i = 0; i < columns; i++) {
    const mean = sum[i] / count;
    for (let j = 0; j < columns; j++) covariance[i * columns + j] = (gram[i * columns + j] - mean * sum[j]) / count;
  }
  return covariance;
}

/** tr(Wᵀ C W); at least something, for outputs that never change. */
function outputVariance(covariance: Float64Array, features: number, weights: Float64Array, outputs: number): number {
  let total = 0;
  const product = new Float64Array(outputs);
  for (let i = 0; i < features; i++) {
    product.fill(0);
    for (let j = 0; j < features; j++) {
      const factor = covariance[i * features + j];
      for (let output = 0; output < outputs; output++) product[output] += factor * weights[j * outputs + output];
    }
    for (let output = 0; output < outputs; output++) total += product[output] * weights[i * outputs + output];
  }
  return Math.max(total, 1e-30);
}

/** W of `operator` [outputChannels, rowLength] made of the weights of its problems. */
export function rowsOfProblems(operator: LinearOperator, weights: readonly Float64Array[]): Float32Array {
  const { rowLength: features, outputChannels, groups } = operator;
  const outputs = outputChannels / groups;
  const rows = new Float32Array(outputChannels * features);
  for (const [group, own] of weights.entries()) {
    for (let output = 0; output < outputs; output++) {
      const to = (group * outputs + output) * features;
      for (let feature = 0; feature < features; feature++) rows[to + feature] = own[feature * outputs + output];
    }
  }
  return rows;
}
