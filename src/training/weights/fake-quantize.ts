// Quantization-aware training of weights (Jacob et al. 2018) with straight-through gradients: the graph is fed what the stored integers of a weight would
// stand for, the optimizer moves the float weight behind them. Ranges follow the weights at each step.
import type { Graph, Value } from '../../ir/index.js';
import { type BlockParameters, findBlockParameters, quantizeInBlock } from '../../quantization/index.js';
import type { Weights } from '../optimizers/index.js';
import type { WeightForm } from './weight-form.js';

export interface FakeQuantization {
  readonly bits: 4 | 8;
  /** Neighbours along the summed axis that share a scale. */
  readonly blockSize: number;
}

/** A matrix as [outer, K, inner], K the summed axis. */
interface MatrixLayout {
  readonly outer: number;
  readonly k: number;
  readonly inner: number;
}

/** Smaller matrices stay in float, as quantize-weights leaves them. */
const smallest = 4096;

export class FakeQuantizer implements WeightForm {
  readonly more: ReadonlySet<string> = new Set();
  private readonly scheme: FakeQuantization;
  private readonly layouts = new Map<string, MatrixLayout>();
  private readonly results = new Map<string, Float32Array>();

  constructor(graph: Graph, scheme: FakeQuantization) {
    this.scheme = scheme;
    for (const value of graph.initializers) {
      const layout = matrixLayout(value);
      if (layout) this.layouts.set(value.name, layout);
    }
  }

  get count(): number {
    return this.layouts.size;
  }

  /** Before training nothing was rounded. */
  rounds(): boolean {
    return false;
  }

  variables(): null {
    return null;
  }

  moves(): boolean {
    return true;
  }

  /** Of the rounded matrices. */
  get heldBytes(): number {
    return [...this.layouts.values()].reduce((sum, { outer, k, inner }) => sum + 4 * outer * k * inner, 0);
  }

  weight(name: string, variables: Weights): Float32Array {
    const values = variables.get(name)!;
    const layout = this.layouts.get(name);
    if (!layout) return values;
    let result = this.results.get(name);
    if (!result) {
      result = new Float32Array(values.length);
      this.results.set(name, result);
    }
    quantizeMatrix(values, layout, this.scheme, result);
    return result;
  }

  /** Straight through. */
  pull(): void {}

  keep(): void {}
}

/** The right operand of matrix products and nothing else; null for what is not. */
function matrixLayout({ constant, uses, isGraphOutput }: Value): MatrixLayout | null {
  if (constant?.dataType !== 'float32' || constant.shape.length !== 2 || constant.size < smallest) return null;
  if (uses.size === 0 || isGraphOutput) return null;
  const [rows, columns] = constant.shape;
  const kinds = new Set(
    [...uses].map(({ node, index }) => {
      if (index !== 1 || !node.is('MatMul', 'Gemm')) return 'other';
      return node.is('Gemm') && node.attributes.int('transB', 0) === 1 ? 'transposed' : 'plain';
    }),
  );
  if (kinds.size > 1 || kinds.has('other')) return null;
  return kinds.has('plain') ? { outer: 1, k: rows, inner: columns } : { outer: rows, k: columns, inner: 1 };
}

function quantizeMatrix(
  values: Float32Array,
  { outer, k, inner }: MatrixLayout,
  { bits, blockSize }: FakeQuantization,
  result: Float32Array,
): void {
  const scheme = { bits, blockSize, symmetric: true, search: 'rtn' } as const;
  const levels = 2 ** bits - 1;
  const parameters: BlockParameters = { scale: 1, zeroPoint: 0 };
  const block = new Float32Array(blockSize);
  for (let channel = 0; channel < outer * inner; channel++) {
    const first = Math.floor(channel / inner) * k * inner + (channel % inner);
    for (let start = 0; start < k; start += blockSize) {
      const count = Math.min(blockSize, k - start);
      const offset = first + start * inner;
      for (let i = 0; i < count; i++) block[i] = values[offset + i * inner];
      findBlockParameters(block, 0, count, scheme, parameters);
      const { scale, zeroPoint } = parameters;
      for (let i = 0; i < count; i++) {
        result[offset + i * inner] = (quantizeInBlock(block[i], parameters, levels) - zeroPoint) * scale;
      }
    }
  }
}
