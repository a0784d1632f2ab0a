// Pruning with real inputs, from input to output: each operator sees what the pruned model gives it, and its remaining weights are fitted to
// what the original computes.
import { readRows } from '../../src/analysis/index.js';
import type { Model, Node } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import {
  interceptOf,
  Lockstep,
  normalEquations,
  observeTargets,
  replaceRows,
  ridgeOf,
  transposed,
} from '../../src/pruning/index.js';
import { magnitudes, maskOfPattern, maskOfShare, type Pattern } from './magnitudes.js';
import { solveMasked } from './masked-least-squares.js';
import type { Options } from './options.js';
import { rowNorm, type Shares } from './shares.js';
import { sparsify } from './sparse-gpt.js';

/** `reference` computes what `model` should: the original, in the same names. */
export async function repairWeights(
  model: Model,
  reference: Model,
  shares: Shares,
  pattern: Pattern | null,
  options: Options,
  context: PassContext,
): Promise<void> {
  const lockstep = new Lockstep(model, reference, context);
  const random = context.random();
  let done = 0;
  for (const [{ node, outputChannels, rowLength, groups }, share] of shares) {
    const observed = await observeTargets(lockstep, { node, channels: null }, context, random.fork(node.name));
    context.progress(++done, shares.size);
    if (typeof observed === 'string') {
      zeroUnobserved(model, shares, node, pattern, options);
      context.record.warn(`${node.name || node.output.name} is pruned by magnitude: ${observed}`);
      continue;
    }
    const { operator, moments, intercept } = observed;
    const outputs = outputChannels / groups;
    const before = readRows(operator);
    const rows = new Float32Array(before.length);
    const bias = new Float32Array(outputChannels);
    for (const [group, own] of moments.entries()) {
      const from = group * outputs * rowLength;
      const old = before.subarray(from, from + outputs * rowLength);
      const { hessian, cross } = normalEquations(own, intercept);
      const given = maskFor(old, hessian, rowLength, share, pattern, options);
      const sparse = sparsify(old, hessian, rowLength, { share, pattern, given });
      if (!sparse) {
        // Inputs that never change: any mask will do.
        const mask = given ?? maskOfShare(magnitudes(old, rowLength, 'l2'), share);
        rows.set(
          old.map((value, at) => (mask[at] ? value : 0)),
          from,
        );
        continue;
      }
      let weights = transposed(sparse.rows, outputs, rowLength);
      if (options.reconstruct) {
        const mask = Uint8Array.from(transposed(sparse.mask, outputs, rowLength));
        const problem = { hessian, cross, start: weights, mask, features: rowLength, outputs };
        weights = await solveMasked({ ...problem, ridge: ridgeOf(operator, own.count) }, context.products);
      }
      rows.set(transposed(weights, rowLength, outputs), from);
      if (intercept) bias.set(interceptOf(own, weights), group * outputs);
    }
    replaceRows(model, operator, rows, intercept && rows.every(Number.isFinite) ? bias : null);
  }
}

/** Masks that need no second moments of outputs; undefined: SparseGPT chooses. */
function maskFor(
  rows: Float32Array,
  hessian: Float64Array,
  features: number,
  share: number,
  pattern: Pattern | null,
  options: Options,
): Uint8Array | undefined {
  const { importance } = options;
  if (importance === 'auto' || importance === 'sparsegpt') return undefined;
  if (importance !== 'wanda') {
    const scores = magnitudes(rows, features, rowNorm(options));
    return pattern ? maskOfPattern(scores, features, pattern) : maskOfShare(scores, share);
  }
  // Wanda (Sun et al., 2023): |w| times the norm of its input, compared within each row.
  const scores = rows.map((value, at) => Math.abs(value) * Math.sqrt(hessian[(at % features) * (features + 1)]));
  if (pattern) return maskOfPattern(scores, features, pattern);
  const mask = new Uint8Array(rows.length);
  for (let row = 0; row < rows.length; row += features) {
    mask.set(maskOfShare(scores.subarray(row, row + features), share), row);
  }
  return mask;
}

function zeroUnobserved(model: Model, shares: Shares, node: Node, pattern: Pattern | null, options: Options): void {
  const [operator, share] = [...shares].find(([candidate]) => candidate.node === node)!;
  const rows = Float32Array.from(readRows(operator));
  const scores = magnitudes(rows, operator.rowLength, rowNorm(options));
  const mask = pattern ? maskOfPattern(scores, operator.rowLength, pattern) : maskOfShare(scores, share);
  for (let index = 0; index < rows.length; index++) if (!mask[index]) rows[index] = 0;
  replaceRows(model, operator, rows, null);
}
