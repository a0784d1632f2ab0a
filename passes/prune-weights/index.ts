// Unstructured and N:M pruning: single weights become zero, and the others make up for them where there are real inputs.
import { type LinearOperator, linearOperator, readRows } from '../../src/analysis/index.js';
import { usageError } from '../../src/errors.js';
import { cloneModel, type Model } from '../../src/ir/index.js';
import { chooseLinearOperators, definePass, type PassContext } from '../../src/pass/index.js';
import { replaceRows } from '../../src/pruning/index.js';
import { magnitudes, maskOfPattern, maskOfShare, type Pattern } from './magnitudes.js';
import { type Options, options } from './options.js';
import { repairWeights } from './repair-weights.js';
import { cubicSchedule } from './schedule.js';
import { rowNorm, sharesOf } from './shares.js';

export const pruneWeights = definePass({
  name: 'prune-weights',
  kind: 'prune',
  summary: 'Makes the least important weights zero, freely or N:M, and refits the others on real inputs.',
  options,
  needs: ['inference'],
  requires(_, { initialRatio, ratio, pattern }) {
    if (initialRatio === undefined) return;
    if (pattern !== undefined) throw usageError('A pattern has no gradual schedule', 'Leave initialRatio out.');
    if (initialRatio >= ratio)
      throw usageError(`initialRatio ${initialRatio} is not below ratio ${ratio}`, 'Begin with less.');
  },
  async run(model, options, context) {
    const nodes = context.targets('Conv', 'ConvTranspose', 'Gemm', 'MatMul');
    const operators = chooseLinearOperators(model, nodes, context.record);
    const pattern = parsePattern(options.pattern);
    const reference = cloneModel(model);
    if (operators.length === 0) return;
    for (const ratio of ratiosOf(options)) {
      const current = operators.map(({ node }) => linearOperator(node, model) as LinearOperator);
      const shares = await sharesOf(current, ratio, model, options, pattern, context);
      if (context.samples) await repairWeights(model, reference, shares, pattern, options, context);
      else for (const [operator, share] of shares) zeroLeast(model, operator, share, pattern, options);
    }
    report(operators, model, context);
  },
});

/** Throws nothing: the schema has checked the form. */
function parsePattern(text: string | undefined): Pattern | null {
  const [stay, of] = text?.split(':').map(Number) ?? [];
  return text === undefined ? null : { stay: Math.min(stay, of), of: Math.max(of, 1) };
}

/** The share of zeros after each step. */
function ratiosOf({ ratio, initialRatio, steps }: Options): number[] {
  return initialRatio === undefined ? [ratio] : cubicSchedule(initialRatio, ratio, steps);
}

/** The smallest magnitudes become zero. */
function zeroLeast(
  model: Model,
  operator: LinearOperator,
  share: number,
  pattern: Pattern | null,
  options: Options,
): void {
  const rows = Float32Array.from(readRows(operator));
  const scores = magnitudes(rows, operator.rowLength, rowNorm(options));
  const mask = pattern ? maskOfPattern(scores, operator.rowLength, pattern) : maskOfShare(scores, share);
  for (let index = 0; index < rows.length; index++) if (!mask[index]) rows[index] = 0;
  replaceRows(model, operator, rows, null);
}

function report(operators: readonly LinearOperator[], model: Model, { record }: PassContext): void {
  let zeros = 0;
  let total = 0;
  for (const { node } of operators) {
    const rows = readRows(linearOperator(node, model) as LinearOperator);
    const own = rows.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
    zeros += own;
    total += rows.length;
    record.changed(node, `${((100 * own) / rows.length).toFixed(1)} % of ${rows.length} weights are zero`);
  }
  if (total === 0) return;
  record.metric('zeroShare', zeros / total);
  record.warn(
    'Zeros make the file smaller only where it is compressed, and onnxruntime computes them like any other weight.',
  );
}
