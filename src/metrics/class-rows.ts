// Outputs as rows of class scores, one row an answer: logits, probabilities or a single score of two classes, brought to logits.
import { usageError } from '../errors.js';
import { isFloat, type Tensor } from '../tensor/index.js';

export interface ClassRows {
  readonly classes: number;
  /** Row-major, `classes` each; null where the model gives the answers themselves. */
  readonly logits: Float32Array | null;
  readonly predicted: Int32Array;
  /** log Σ exp of each row; NaN where a row is not finite. */
  readonly logSums: Float64Array;
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
  const wide = Math.max(classes, 2);
  const logits = new Float32Array(count * perExample * wide);
  for (let i = 0; i < count; i++) {
    const from = i * perBatchEntry;
    const rows = values.subarray(from, from + perExample * classes);
    if (classes === 1) writeTwoClasses(rows, logits, i * perExample * 2, probabilities);
    else if (probabilities) writeLogarithms(rows, logits, i * perExample * classes);
    else logits.set(rows, i * perExample * classes);
  }
  return scoreRows(logits, wide);
}

/** Rows along the last axis; with one answer an example everything is one row ([batch, classes, 1, 1] too). */
function rowShape(output: Tensor, perExample: number, perBatchEntry: number) {
  const { shape } = output;
  const last = shape.length > 1 ? shape[shape.length - 1] : 1;
  const middle = shape.slice(1, -1);
  const single = perExample === 1 && (middle.every((dim) => dim === 1) || shape.slice(2).every((dim) => dim === 1));
  const classes = single ? perBatchEntry : last;
  return { classes, available: classes === 0 ? 0 : perBatchEntry / classes };
}

function readAnswers(output: Tensor, { count, perExample }: RowLayout, perBatchEntry: number): ClassRows {
  if (perBatchEntry < perExample) throw tooFewRows(output, perExample);
  const answers = output.readNumbers();
  const predicted = Int32Array.from({ length: count * perExample }, (_, i) => {
    return answers[Math.floor(i / perExample) * perBatchEntry + (i % perExample)];
  });
  return { classes: 0, logits: null, predicted, logSums: new Float64Array(predicted.length) };
}

function tooFewRows(output: Tensor, perExample: number): Error {
  return usageError(
    `An output of ${output.dataType}[${output.shape}] does not give ${perExample} answer${perExample === 1 ? '' : 's'} an example`,
    'Choose the output with --output-name.',
  );
}

function writeTwoClasses(scores: Float32Array, logits: Float32Array, offset: number, probabilities: boolean): void {
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i];
    const clipped = Math.min(Math.max(score, leastProbability), 1 - leastProbability);
    // NaN stays NaN.
    logits[offset + i * 2 + 1] = probabilities && score === score ? Math.log(clipped / (1 - clipped)) : score;
  }
}

function writeLogarithms(rows: Float32Array, logits: Float32Array, offset: number): void {
  for (let i = 0; i < rows.length; i++) logits[offset + i] = Math.log(Math.max(rows[i], leastProbability));
}

function scoreRows(logits: Float32Array, classes: number): ClassRows {
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
    let sum = 0;
    for (let i = start; i < start + classes; i++) sum += Math.exp(logits[i] - largest);
    predicted[row] = best - start;
    // Infinity - Infinity and NaN make the sum NaN.
    logSums[row] = largest + Math.log(sum);
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
    const probability = Math.exp(a - logSum);
    // Classes that the reference rules out count nothing, whatever the other says.
    if (probability !== 0) sum += probability * (a - other.logits[i] + difference);
  }
  return sum;
}
