// How far the outputs of a changed model are from the original's: mean KL divergence where an output holds scores of classes, squared error
// relative to the variance elsewhere.
import { outputKind } from '../../evaluation/index.js';
import type { Model, Value } from '../../ir/index.js';
import { isFloat, type Tensor } from '../../tensor/index.js';

/** Rows longer than this, or shorter than 2, hold no classes. */
const mostClasses = 1 << 17;

export class OutputDivergence {
  private readonly probabilities: boolean;
  private readonly classes: boolean;
  private sum = 0;
  private rows = 0;
  private noise = 0;
  private signal = 0;

  constructor(model: Model, output: Value) {
    const kind = outputKind(model, output.name);
    this.probabilities = kind === 'probabilities';
    const rank = output.type?.kind === 'tensor' ? (output.type.shape?.length ?? 0) : 0;
    // An image or a sequence of vectors is no row of scores.
    this.classes = kind !== 'unknown' && (rank === 2 || (rank === 3 && !this.probabilities));
  }

  add(original: Tensor, result: Tensor): void {
    if (!isFloat(original.dataType)) return;
    const [a, b] = [original.readFloat32(), result.readFloat32()];
    const width = original.shape.at(-1) ?? 1;
    if (this.classes && width > 1 && width <= mostClasses) {
      for (let start = 0; start < a.length; start += width) {
        this.sum += divergence(a, b, start, width, this.probabilities);
        this.rows++;
      }
      return;
    }
    for (let index = 0; index < a.length; index++) {
      const difference = a[index] - b[index];
      if (!Number.isFinite(difference)) continue;
      this.noise += difference * difference;
      this.signal += a[index] * a[index];
    }
  }

  /** Mean KL divergence in nats, or the squared error as a share of the signal. */
  get value(): number {
    const relative = this.noise / Math.max(this.signal, 1e-30);
    return this.rows > 0 ? this.sum / this.rows : relative;
  }
}

/** KL(a ‖ b) of one row of logits or probabilities. */
function divergence(a: Float32Array, b: Float32Array, start: number, width: number, probabilities: boolean): number {
  const [p, q] = [logProbabilities(a, start, width, probabilities), logProbabilities(b, start, width, probabilities)];
  let sum = 0;
  for (let index = 0; index < width; index++) sum += Math.exp(p[index]) * (p[index] - q[index]);
  return Number.isFinite(sum) ? Math.max(sum, 0) : 0;
}

function logProbabilities(values: Float32Array, start: number, width: number, probabilities: boolean): Float64Array {
  const logits = new Float64Array(width);
  let most = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < width; index++) {
    logits[index] = probabilities ? Math.log(Math.max(values[start + index], 1e-6)) : values[start + index];
    most = Math.max(most, logits[index]);
  }
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - most);
  const normalizer = most + Math.log(sum);
  return logits.map((value) => value - normalizer);
}
