// Structured optimal brain compression: rows of W (y = Wᵀx) are taken out in blocks, always the block whose removal costs least after the
// rows that stay were refitted (Frantar & Alistarh, "Optimal Brain Compression", 2022, with a channel's rows as block). For block S the squared
// error grows by tr(W_Sᵀ (H⁻¹_SS)⁻¹ W_S); then W −= P·W_S and H⁻¹ −= P·H⁻¹_S: with P = H⁻¹_:S (H⁻¹_SS)⁻¹.
import { dampedCholesky, invertPositiveDefinite, invertWithCholesky, matrixFrom } from '../../numeric/index.js';

/** One consumer of the units. */
export interface BlockProblem {
  /** Second moments of x [features, features], row-major. */
  readonly hessian: Float64Array;
  readonly features: number;
  /** [features, outputs], row-major. */
  readonly weights: Float64Array;
  readonly outputs: number;
  /** The rows of each unit. */
  readonly blocks: readonly (readonly number[])[];
  /** What errors of this consumer are divided by. */
  readonly scale: number;
}

export interface Elimination {
  /** Units in the order in which they go. */
  readonly order: readonly number[];
  /** Error when the first k of `order` are gone; errors[0] is 0. */
  readonly errors: Float64Array;
  /** For each number in `keepAt` the weights of each problem, refitted, when so many units were gone. */
  readonly weights: readonly (readonly Float64Array[])[];
}

interface Consumer extends BlockProblem {
  readonly inverse: Float64Array;
  readonly refitted: Float64Array;
}

export interface EliminateOptions {
  /** Units that go. */
  readonly count: number;
  /** What is added to the diagonal, relative to its mean. */
  readonly ridge: number;
  readonly keepAt: readonly number[];
  /** The units in the order in which they go; default: always the one that costs least. */
  readonly order?: readonly number[];
}

/** Eliminates units from all `problems` at once. Null where second moments say nothing. */
export function eliminateBlocks(
  problems: readonly BlockProblem[],
  { count, ridge, keepAt, order: given }: EliminateOptions,
): Elimination | null {
  const consumers = invertAll(problems, ridge);
  if (!consumers) return null;
  const left = new Set(problems[0].blocks.keys());
  const order: number[] = [];
  const errors = new Float64Array(count + 1);
  const kept = keepAt.map(() => consumers.map(({ refitted }) => refitted.slice()));
  for (let step = 1; step <= count; step++) {
    let best = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const unit of given ? [given[step - 1]] : left) {
      let cost = 0;
      for (const consumer of consumers) cost += blockCost(consumer, consumer.blocks[unit]) / consumer.scale;
      if (cost < least) {
        least = cost;
        best = unit;
      }
    }
    if (best < 0) return null;
    for (const consumer of consumers) eliminate(consumer, consumer.blocks[best]);
    left.delete(best);
    order.push(best);
    errors[step] = errors[step - 1] + Math.max(least, 0);
    for (const [at, number] of keepAt.entries()) {
      if (number === step) kept[at] = consumers.map(({ refitted }) => refitted.slice());
    }
  }
  return { order, errors, weights: kept };
}

/** For each unit the weights of each problem, refitted, when it alone is gone. Null where second moments say nothing. */
export function eliminateEach(problems: readonly BlockProblem[], ridge: number): Float64Array[][] | null {
  const consumers = invertAll(problems, ridge);
  if (!consumers) return null;
  return [...problems[0].blocks.keys()].map((unit) =>
    consumers.map((consumer) => {
      const refitted = consumer.weights.slice();
      const block = consumer.blocks[unit];
      for (const { row, factors } of projections(consumer, block)) {
        for (const [at, factor] of factors.entries()) subtractRow(refitted, row, block[at], factor, consumer);
      }
      for (const row of block) refitted.fill(0, row * consumer.outputs, (row + 1) * consumer.outputs);
      return refitted;
    }),
  );
}

function subtractRow(
  to: Float64Array,
  row: number,
  from: number,
  factor: number,
  { weights, outputs }: Consumer,
): void {
  for (let output = 0; output < outputs; output++)
    to[row * outputs + output] -= factor * weights[from * outputs + output];
}

/** The rows of P = H⁻¹_:S (H⁻¹_SS)⁻¹; each is valid until the next. */
function* projections(consumer: Consumer, block: readonly number[]): Iterable<{ row: number; factors: Float64Array }> {
  const hessian = blockHessian(consumer, block);
  if (!hessian) return;
  const { inverse, features } = consumer;
  const size = block.length;
  const factors = new Float64Array(size);
  for (let row = 0; row < features; row++) {
    factors.fill(0);
    for (let i = 0; i < size; i++) {
      const entry = inverse[block[i] * features + row];
      for (let j = 0; j < size; j++) factors[j] += entry * hessian[i * size + j];
    }
    yield { row, factors };
  }
}

function invertAll(problems: readonly BlockProblem[], ridge: number): Consumer[] | null {
  const consumers: Consumer[] = [];
  for (const problem of problems) {
    const cholesky = dampedCholesky(matrixFrom(problem.features, problem.features, problem.hessian), ridge);
    if (!cholesky) return null;
    const inverse = invertWithCholesky(cholesky.factor).data;
    consumers.push({ ...problem, inverse, refitted: problem.weights.slice() });
  }
  return consumers;
}

/** (H⁻¹_SS)⁻¹, row-major. */
function blockHessian({ inverse, features }: Consumer, block: readonly number[]): Float64Array | null {
  const size = block.length;
  if (size === 1) {
    const pivot = inverse[block[0] * (features + 1)];
    return pivot > 0 ? Float64Array.of(1 / pivot) : null;
  }
  const part = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) part[i * size + j] = inverse[block[i] * features + block[j]];
  }
  return invertPositiveDefinite({ rows: size, columns: size, data: part })?.data ?? null;
}

function blockCost(consumer: Consumer, block: readonly number[]): number {
  const { refitted, outputs } = consumer;
  const hessian = blockHessian(consumer, block);
  if (!hessian) return Number.POSITIVE_INFINITY;
  const size = block.length;
  let cost = 0;
  for (let i = 0; i < size; i++) {
    const a = block[i] * outputs;
    for (let j = 0; j <= i; j++) {
      const b = block[j] * outputs;
      let dot = 0;
      for (let output = 0; output < outputs; output++) dot += refitted[a + output] * refitted[b + output];
      cost += (i === j ? 1 : 2) * hessian[i * size + j] * dot;
    }
  }
  return cost;
}

function eliminate(consumer: Consumer, block: readonly number[]): void {
  const { inverse, features, refitted, outputs } = consumer;
  const hessian = blockHessian(consumer, block);
  if (!hessian) return;
  const size = block.length;
  const rows = block.map((row) => inverse.slice(row * features, (row + 1) * features));
  const gone = block.map((row) => refitted.slice(row * outputs, (row + 1) * outputs));
  const factors = new Float64Array(size);
  for (let row = 0; row < features; row++) {
    for (let j = 0; j < size; j++) {
      let factor = 0;
      // H⁻¹ is symmetric: its column is the row that was kept.
      for (let i = 0; i < size; i++) factor += rows[i][row] * hessian[i * size + j];
      factors[j] = factor;
    }
    for (let j = 0; j < size; j++) {
      const factor = factors[j];
      if (factor === 0) continue;
      const inverseRow = row * features;
      const from = rows[j];
      for (let column = 0; column < features; column++) inverse[inverseRow + column] -= factor * from[column];
      const weightRow = row * outputs;
      const weight = gone[j];
      for (let output = 0; output < outputs; output++) refitted[weightRow + output] -= factor * weight[output];
    }
  }
  for (const row of block) {
    refitted.fill(0, row * outputs, (row + 1) * outputs);
    for (let column = 0; column < features; column++) {
      inverse[row * features + column] = 0;
      inverse[column * features + row] = 0;
    }
  }
}
