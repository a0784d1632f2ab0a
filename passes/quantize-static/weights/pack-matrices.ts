// Matrices of matrix products in four bits: an integer times the multiplier of its block, which gives the eight bits that kernels take, with
// the errors of rounding made up for within each channel, as the second moments of the inputs allow (GPTQ), where that lowers the error on inputs that were held out.
import type { LinearOperator } from '../../../src/analysis/index.js';
import { GramObserver, isHeldOut, type Observer, operatorRows, type Verdict } from '../../../src/calibration/index.js';
import type { Value } from '../../../src/ir/index.js';
import { concatenate, type Random } from '../../../src/numeric/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import {
  type CompensatedPacking,
  type PackedLayout,
  type PackedParameters,
  packCompensated,
  restorePacked,
} from '../../../src/quantization/index.js';
import type { Tensor } from '../../../src/tensor/index.js';
import type { PlannedLinear } from '../plan/plan.js';

export interface PackedMatrix {
  readonly layout: PackedLayout;
  readonly parameters: PackedParameters;
  readonly techniques: readonly string[];
  /** Of what was tried: errors of its output relative to rounding block by block. */
  readonly verdicts: readonly Verdict[];
}

const blockSizes = [16, 8] as const;
/** Of all moments in memory at once. */
const mostMomentBytes = 256 << 20;
/** Rows of each sample that is held out. */
const mostHeldRows = 32;
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
  const { workers, signal } = context;
  for (let start = 0; start < wanted.length; ) {
    const observers = new Map<Value, SeenInputs>();
    let bytes = 0;
    let end = start;
    for (; end < wanted.length; end++) {
      const { operator } = wanted[end].linear;
      if (observers.has(operator.input)) continue;
      bytes += 8 * operator.rowLength ** 2;
      if (end > start && bytes > mostMomentBytes) break;
      observers.set(operator.input, new SeenInputs(operator, context));
    }
    await context.observe(observers);
    for (const observer of observers.values()) await observer.finish();
    for (const { linear, layout } of wanted.slice(start, end)) {
      const { weight, input } = linear.operator;
      const result = await packCompensated(
        weight.tensor,
        layout,
        observers.get(input)!.inputs,
        scheme,
        workers,
        signal,
      );
      if (typeof result !== 'string') packed.set(linear, { layout, ...judged(result) });
    }
    start = end;
  }
  return packed;
}

/** Second moments of most samples, and rows of the others. */
class SeenInputs implements Observer {
  private readonly operator: LinearOperator;
  private readonly gram: GramObserver;
  private readonly random: Random;
  private readonly held: Float32Array[] = [];
  private samples = 0;

  constructor(operator: LinearOperator, { products, random }: PassContext) {
    this.operator = operator;
    this.gram = new GramObserver(operator, products);
    this.random = random().fork(`held out ${operator.output.name}`);
  }

  async observe(tensor: Tensor): Promise<void> {
    if (!isHeldOut(this.samples++)) return this.gram.observe(tensor);
    for (const { rows } of operatorRows(this.operator, tensor, { most: mostHeldRows, random: this.random }))
      this.held.push(rows.slice());
  }

  finish(): Promise<void> {
    return this.gram.finish();
  }

  get inputs(): Parameters<typeof packCompensated>[2] {
    const rows = concatenate(this.held);
    return { gram: this.gram.moments[0].gram, held: rows.length > 0 ? { original: rows, now: rows } : null };
  }
}

function judged({ algorithm, errors, parameters }: CompensatedPacking): Omit<PackedMatrix, 'layout'> {
  const technique = 'rounded by GPTQ';
  const kept = algorithm === 'gptq';
  const [plain, compensated] = [errors.get('mse-clip'), errors.get('gptq')];
  const isTried = plain !== undefined && compensated !== undefined;
  const verdicts = isTried ? [{ technique, kept, before: 1, after: compensated / (plain || 1) }] : [];
  return { parameters, techniques: ['4 bits', ...(kept ? [technique] : [])], verdicts };
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
