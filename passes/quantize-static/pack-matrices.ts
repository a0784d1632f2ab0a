// Matrices of matrix products in four bits: an integer times the multiplier of its block, which gives the eight bits that kernels take, with
// the errors of rounding made up for within each channel, as the second moments of the inputs allow (GPTQ).
import type { LinearOperator } from '../../src/analysis/index.js';
import { GramObserver } from '../../src/calibration/index.js';
import type { Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import {
  type PackedLayout,
  type PackedParameters,
  packCompensated,
  restorePacked,
} from '../../src/quantization/index.js';
import type { Tensor } from '../../src/tensor/index.js';
import type { PlannedLinear } from './plan.js';

export interface PackedMatrix {
  readonly layout: PackedLayout;
  readonly parameters: PackedParameters;
}

const blockSizes = [16, 8] as const;
/** Of all moments in memory at once. */
const mostMomentBytes = 256 << 20;
const scheme = { bits: 4, damping: 0.01, actOrder: false } as const;

/** Those that blocks divide; the others keep eight bits. Of inputs and weights as they are in the model. */
export async function packMatrices(
  linears: readonly PlannedLinear[],
  context: PassContext,
): Promise<Map<PlannedLinear, PackedMatrix>> {
  const wanted = linears.flatMap((linear) => {
    const layout = layoutOf(linear);
    return layout ? [{ linear, layout }] : [];
  });
  const packed = new Map<PlannedLinear, PackedMatrix>();
  const { products, workers, signal } = context;
  for (let start = 0; start < wanted.length; ) {
    const observers = new Map<Value, GramObserver>();
    let bytes = 0;
    let end = start;
    for (; end < wanted.length; end++) {
      const { operator } = wanted[end].linear;
      if (observers.has(operator.input)) continue;
      bytes += 8 * operator.rowLength ** 2;
      if (end > start && bytes > mostMomentBytes) break;
      observers.set(operator.input, new GramObserver(operator, products));
    }
    await context.observe(observers);
    for (const observer of observers.values()) await observer.finish();
    for (const { linear, layout } of wanted.slice(start, end)) {
      const { weight, input } = linear.operator;
      const { gram } = observers.get(input)!.moments[0];
      const parameters = await packCompensated(weight.tensor, layout, gram, scheme, workers, signal);
      if (typeof parameters !== 'string') packed.set(linear, { layout, parameters });
    }
    start = end;
  }
  return packed;
}

/** The matrix as it will be when the model is loaded. */
export function restoredMatrix({ weight }: LinearOperator, { layout, parameters }: PackedMatrix): Tensor {
  return restorePacked(weight.tensor, layout, parameters);
}

function layoutOf({ operator }: PlannedLinear): PackedLayout | null {
  const { node, rowLength: k, outputChannels: n } = operator;
  const blockSize = blockSizes.find((size) => k % size === 0);
  if (!blockSize) return null;
  const isRows = node.attributes.int('transB', 0) !== 0;
  return { outer: isRows ? n : 1, k, inner: isRows ? 1 : n, blockSize };
}
