// How far the outputs of a model are from those of another: KL divergence where they are class scores, relative squared error elsewhere.
import { outputKind } from '../../evaluation/index.js';
import type { Model, Value } from '../../ir/index.js';
import { klDivergence, readClassRows } from '../../metrics/index.js';
import { isFloat, type Tensor } from '../../tensor/index.js';

/** Adds up over samples; 0 where nothing differs. */
export class DivergenceMeter {
  private readonly probabilities: boolean;
  private readonly scores: boolean;
  private sum = 0;
  private weight = 0;

  constructor(model: Model, output: Value) {
    const kind = outputKind(model, output.name);
    this.probabilities = kind === 'probabilities';
    this.scores = kind !== 'unknown';
  }

  add(reference: Tensor, other: Tensor): void {
    if (!isFloat(reference.dataType) || reference.size !== other.size || reference.size === 0) return;
    const perExample = this.scores ? rowsPerExample(reference.shape) : null;
    if (perExample !== null) this.addScores(reference, other, perExample);
    else this.addValues(reference.readFloat32(), other.readFloat32());
  }

  get value(): number {
    return this.weight === 0 ? 0 : Math.max(this.sum / this.weight, 0);
  }

  private addScores(reference: Tensor, other: Tensor, perExample: number): void {
    const layout = { count: reference.shape[0], perExample };
    const a = readClassRows(reference, layout, this.probabilities);
    const b = readClassRows(other, layout, this.probabilities);
    for (let row = 0; row < a.predicted.length; row++) {
      const divergence = klDivergence(a, b, row);
      this.sum += Number.isNaN(divergence) ? Number.POSITIVE_INFINITY : divergence;
      this.weight++;
    }
  }

  private addValues(reference: Float32Array, other: Float32Array): void {
    for (let i = 0; i < reference.length; i++) {
      const error = reference[i] === other[i] ? 0 : (reference[i] - other[i]) ** 2;
      this.sum += Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
      if (Number.isFinite(reference[i])) this.weight += reference[i] ** 2;
    }
  }
}

/** Rows of class scores: [batch, classes] with any number of axes of length 1, or [batch, rows, classes]; null for an image or the like. */
function rowsPerExample(shape: readonly number[]): number | null {
  if (shape.slice(1).filter((length) => length !== 1).length === 1) return 1;
  return shape.length === 3 && shape[2] > 1 ? shape[1] : null;
}
