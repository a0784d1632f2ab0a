// Clipping of weights by the error of outputs: the largest weights of an output channel are cut off where the finer steps that the others get in few
// bits lower the error of what the operator computes (as AWQ and OmniQuant clip, with a search instead of gradients).
import { type LinearOperator, readRows, storeRows } from '../../src/analysis/index.js';
import { GramObserver, hasRows, type Observer, Split } from '../../src/calibration/index.js';
import type { Model } from '../../src/ir/index.js';
import { type Matrix, matrixFrom } from '../../src/numeric/index.js';
import { chooseLinearOperators, definePass, type PassContext } from '../../src/pass/index.js';
import { clippedScales, fittingScales, outputErrors, type RowWeights } from '../../src/quantization/index.js';
import { replaceWeight } from '../../src/rounding/index.js';
import { float32Tensor, type Tensor } from '../../src/tensor/index.js';
import { options } from './options.js';

/** Rows of each sample that moments are taken of. */
const rowsOfSample = 96;
/** Longer rows would take minutes. */
const mostColumns = 2048;
/** Of all moments in memory at once. */
const mostMomentBytes = 256 << 20;

export const clipWeights = definePass({
  name: 'clip-weights',
  kind: 'smooth',
  summary: 'Cuts off the largest weights of channels where that lowers the error that few bits make of their outputs.',
  options,
  needs: ['samples', 'inference'],
  async run(model, { bits, minimumSize }, context) {
    const operators = chooseLinearOperators(
      model,
      context.targets('Conv', 'Gemm', 'MatMul'),
      context.record,
      (operator) => whyNotClipped(operator, minimumSize),
    );
    const bounds = { minimum: 1 - 2 ** (bits - 1), maximum: 2 ** (bits - 1) - 1 };
    for (let start = 0; start < operators.length; ) {
      const batch: SeenInputs[] = [];
      for (let bytes = 0; start < operators.length; start++) {
        bytes += 16 * operators[start].rowLength ** 2;
        if (batch.length > 0 && bytes > mostMomentBytes) break;
        batch.push(new SeenInputs(operators[start], context));
      }
      await context.observe(batch.map((seen) => [seen.operator.input, seen] as const));
      for (const seen of batch) clip(model, seen.operator, bounds, await seen.finish(), context);
    }
  },
});

function whyNotClipped(operator: LinearOperator, minimumSize: number): string | null {
  const { weight, groups, rowLength } = operator;
  if (weight.tensor.dataType !== 'float32') return `its weight is ${weight.tensor.dataType}`;
  if (weight.tensor.size < minimumSize) return `its weight has only ${weight.tensor.size} elements`;
  if (groups !== 1) return 'its channels fall into groups';
  if (!hasRows(operator)) return 'it is no convolution over one or two axes';
  if (rowLength > mostColumns) return `its rows have ${rowLength} elements, more than ${mostColumns}`;
  return null;
}

function clip(
  model: Model,
  operator: LinearOperator,
  bounds: RowWeights['bounds'],
  [fitted, held]: readonly [Matrix, Matrix],
  { record }: PassContext,
): void {
  const { outputChannels: rows, rowLength: columns, node, weight } = operator;
  const values = readRows(operator);
  if (!values.every(Number.isFinite)) {
    record.skipped(node, 'its weight holds numbers that are not finite');
    return;
  }
  const block = { values, rows, columns, bounds };
  const whole = { ...block, scale: fittingScales(block) };
  const clipped = { ...block, scale: clippedScales(block, fitted) };
  const [before, after] = [whole, clipped].map((weights) => outputErrors(weights, held));
  // Channel by channel: only where it holds on the samples that were held out.
  const scale = whole.scale.map((own, row) => (after[row] < before[row] ? clipped.scale[row] : own));
  const kept = scale.filter((own, row) => own < whole.scale[row]).length;
  const sum = (errors: ArrayLike<number>): number => Array.from(errors).reduce((total, error) => total + error, 0);
  const left = before.map((error, row) => Math.min(error, after[row]));
  const verdict = { technique: 'weights clipped', kept: kept > 0 };
  const errors = { before: 1, after: sum(kept > 0 ? left : after) / (sum(before) || 1) };
  record.tried(node, 'the output of the operator, relative to that without', { ...verdict, ...errors });
  if (kept === 0) {
    record.skipped(node, 'no channel gains by it');
    return;
  }
  const result = values.map((value, i) => {
    const step = scale[Math.floor(i / columns)];
    return Math.min(Math.max(value, bounds.minimum * step), bounds.maximum * step);
  });
  replaceWeight(model, operator, float32Tensor(weight.tensor.shape, storeRows(operator, result)));
  record.changed(
    node,
    `${kept} of ${rows} channels clipped: ${(100 * errors.after).toFixed(0)} % of the squared error is left`,
  );
}

/** Second moments of the inputs: of most samples, and of those that are held out. */
class SeenInputs implements Observer {
  readonly operator: LinearOperator;
  private readonly split: Split<GramObserver>;

  constructor(operator: LinearOperator, { products, random }: PassContext) {
    this.operator = operator;
    this.split = new Split(
      (part) =>
        new GramObserver(operator, products, {
          most: rowsOfSample,
          random: random().fork(`${part} ${operator.output.name}`),
        }),
    );
  }

  async observe(tensor: Tensor): Promise<void> {
    await this.split.next().observe(tensor);
  }

  async finish(): Promise<readonly [Matrix, Matrix]> {
    for (const observer of this.split.parts) await observer.finish();
    const { rowLength } = this.operator;
    const [fitted, held] = this.split.parts.map(({ moments: [moments] }) => moments);
    const matrix = (gram: Float64Array): Matrix => matrixFrom(rowLength, rowLength, gram);
    return [matrix(fitted.gram), matrix(held.count > 0 ? held.gram : fitted.gram)];
  }
}
