// Random weights to start from: normal with a variance for rectifiers (He et al. 2015), smaller where a branch joins a residual stream (Zhang et al.
// 2019), biases zero.

import { findResidualSums } from '../../analysis/index.js';
import { findTrainableWeights, liftConstants } from '../../autodiff/index.js';
import type { Model, Node, Value } from '../../ir/index.js';
import type { Random } from '../../numeric/index.js';
import { float32Tensor } from '../../tensor/index.js';

/** Replaces all matrices and biases that are trained; scales of normalizations stay. Constant nodes become initializers. */
export function initializeWeights(model: Model, random: Random): void {
  liftConstants(model.graph);
  const sums = findResidualSums(model.graph);
  const closing = new Set<Node | null>(sums.flatMap(({ inputs }) => inputs.map((input) => input?.producer ?? null)));
  const shrink = 1 / Math.sqrt(Math.max(1, sums.length));
  for (const value of findTrainableWeights(model.graph)) {
    const { shape, size } = value.constant!;
    if (shape.length < 2) {
      if (isBias(value)) value.constant = float32Tensor(shape, new Float32Array(size));
      continue;
    }
    const closes = [...value.uses].some(({ node }) => closing.has(node));
    const scale = Math.sqrt(2 / fanIn(value)) * (closes ? shrink : 1);
    const stream = random.fork(value.name);
    value.constant = float32Tensor(
      shape,
      Float32Array.from({ length: size }, () => scale * stream.normal()),
    );
  }
}

function isBias({ uses }: Value): boolean {
  return [...uses].some(
    ({ node, index }) => (node.is('Conv', 'Gemm', 'ConvTranspose') && index === 2) || node.is('Add'),
  );
}

/** Numbers that are summed for one output. */
function fanIn({ constant, uses }: Value): number {
  const { shape, size } = constant!;
  const [{ node }] = [...uses];
  if (node.is('Conv')) return size / shape[0];
  if (node.is('Gather')) return 2;
  if (node.is('Gemm') && node.attributes.int('transB', 0) === 1) return shape[1];
  return shape.length === 2 ? shape[0] : size / shape[0];
}
