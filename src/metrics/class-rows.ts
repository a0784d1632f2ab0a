// Outputs as rows of class scores, one row an answer: logits, probabilities or a single score of two classes, brought to logits.
import { usageError } from '../errors.js';
import { expOfNegative, sumOfExponentials } from '../numeric/index.js';
import { isFloat, type Tensor } from '../tensor/index.js';

export interface ClassRows {
  readonly classes: number;
  /** Row-major, `classes` each; null where the model gives the answers themselves. */
  readonly logits: Float32Array | null;
  readonly predicted: Int32Array;
  /** log Σ exp of each row; NaN where a row is not finite. */
  readonly logSums: Float64Array;
  /** The rows as the model gave them, `width` numbers each. */
  readonly raw: Float32Array;
  readonly width: number;
}

/** Where the rows of a batch are. */
export interface RowLayout {
  /** Examples whose rows count. */
  readonly count: number;
  /** Rows of one example. */
  readonly perExample: number;
}

/** Below this, probabilities are taken as this: their logarithm would drown everything else. */
const leastProbability = 1e-6;

/**
 * The first `perExample` rows of each of the first `count` examples of `output`, whose axis 0 is the batch.
 * Throws USAGE when the output has not that many.
 */
export function readClassRows(output: Tensor, { count, perExample }: RowLayout, probabilities: boolean): ClassRows {
  const batch = Math.max(output.shape[0] ?? 1, 1);
  const perBatchEntry = output.size / batch;
  if (!isFloat(output.dataType)) return readAnswers(output, { count, perExample }, perBatchEntry);
  const { classes, available } = rowShape(output, perExample, perBatchEntry);
  if (available < perExample || count > batch) throw tooFewRows(output, perExample);
  const values = output.readFloat32();
  const length = perExample * classes;
  let raw = values;
  if (length !== perBatchEntry || count !== batch) {
    raw = new Float32Array(count * length);
    for (let i = 0; i < count; i++) raw.set(values.subarray(i * perBatchEntry, i * perBatchEntry + length), i * length);
  }
  const logits = classes === 1 ? twoClasses(raw, probabilities) : probabilities ? logarithms(raw) : raw;
  return { ...scoreRows(logits, Math.max(classes, 2)), raw, width: classes };
}

/** Rows along the last axis; with one answer an example everything is one row ([batch, classes, 1, 1] too). */
function rowShape(output: Tensor, perExample: number, perBatchEntry: number) {
  const { shape } = output;
  const last = shape.length > 1 ? shape[shape.length - 1] : 1;
  const single = perExample === 1 && shape.slice(1).filter((dim) => dim !== 1).length <= 1;
  const classes = single ? perBatchEntry : last;
  return { classes, available: classes === 0 ? 0 : perBatchEntry / classes };
}

function readAnswers(output: Tensor, { count, perExample }: RowLayout, perBatchEntry: number): ClassRows {
  if (perBatchEntry < perExample) throw tooFewRows(output, perExample);
  const answers = output.readNumbers();
  const predicted = Int32Array.from({ length: count * perExample }, (_, i) => {
    return answers[Math.floor(i / perExample) * perBatchEntry + (i % perExample)];
  });
  const logSums = new Float64Array(predicted.length);
  return { classes: 0, logits: null, predicted, logSums, raw: Float32Array.from(predicted), width: 1 };
}

function tooFewRows(output: Tensor, perExample: number): Error {
  return usageError(
    `An output of ${output.dataType}[${output.shape}] does not give ${perExample} answer${perExample === 1 ? '' : 's'} an example`,
    'Choose the output with --output-name.',
  );
}

/** A score of the second class as logits of both. */
function twoClasses(scores: Float32Array, probabilities: boolean): Float32Array {
  const logits = new Float32Array(scores.length * 2);
  for (const [i, score] of scores.entries()) {
    const clipped = Math.min(Math.max(score, leastProbability), 1 - leastProbability);
    // NaN stays NaN.
    logits[i * 2 + 1] = probabilities && !Number.isNaN(score) ? Math.log(clipped / (1 - clipped)) : score;
  }
  return logits;
}

function logarithms(probabilities: Float32Array): Float32Array {
  return probabilities.map((probability) => Math.log(Math.max(probability, leastProbability)));
}

function scoreRows(logits: Float32Array, classes: number): Omit<ClassRows, 'raw' | 'width'> {
  const rows = logits.length / classes;
  const predicted = new Int32Array(rows);
  const logSums = new Float64Array(rows);
  for (let row = 0, start = 0; row < rows; row++, start += classes) {
    let best = start;
    let largest = logits[start];
    for (let i = start + 1; i < start + classes; i++) {
      if (logits[i] > largest) {
        largest = logits[i];
        best = i;
      }
    }
    predicted[row] = best - start;
    // Infinity - Infinity and NaN make the sum NaN.
    logSums[row] = largest + Math.log(sumOfExponentials(logits, start, start + classes, largest));
  }
  return { classes, logits, predicted, logSums };
}

/** Negative log probability of `target` in a row, in nats; NaN where the model gives no scores. */
export function negativeLogLikelihood({ classes, logits, logSums }: ClassRows, row: number, target: number): number {
  return logits && target < classes ? logSums[row] - logits[row * classes + target] : Number.NaN;
}

/** Whether fewer than `k` classes score higher than `target`. */
export function isInTop({ classes, logits, predicted }: ClassRows, row: number, target: number, k: number): boolean {
  if (!logits) return predicted[row] === target;
  const start = row * classes;
  const score = logits[start + target];
  // Also false for a NaN score, and for a target that is no class.
  if (!(score >= Number.NEGATIVE_INFINITY)) return false;
  let higher = 0;
  for (let i = start; i < start + classes && higher < k; i++) if (logits[i] > score) higher++;
  return higher < k;
}

/** KL(reference ‖ other) of one row in nats; NaN where one of them is not finite or gives no scores. */
export function klDivergence(reference: ClassRows, other: ClassRows, row: number): number {
  if (!reference.logits || !other.logits || reference.classes !== other.classes) return Number.NaN;
  const { classes } = reference;
  const logSum = reference.logSums[row];
  const difference = other.logSums[row] - logSum;
  let sum = 0;
  for (let i = row * classes; i < (row + 1) * classes; i++) {
    const a = reference.logits[i];
    const probability = expOfNegative(a - logSum);
    // Classes that the reference rules out count nothing, whatever the other says.
    if (probability !== 0) sum += probability * (a - other.logits[i] + difference);
  }
  return sum;
}
