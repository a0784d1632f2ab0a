// What each example of a sample says of each model: answers scored, outputs compared with those of the first model.
import type { ClassTargets, Sample } from '../data/index.js';
import {
  type AnswerScore,
  type ClassRows,
  type Comparison,
  type Distance,
  DistanceSum,
  elementValues,
  isInTop,
  klDivergence,
  negativeLogLikelihood,
  type Observation,
  readClassRows,
} from '../metrics/index.js';
import { isFloat, type Tensor } from '../tensor/index.js';

/** What a model gave for a sample. */
export interface ModelOutput {
  readonly tensor: Tensor;
  readonly probabilities: boolean;
}

/** The observations of each example, of each model: `result[example][model]`. */
export function observeSample(sample: Sample, outputs: readonly ModelOutput[]): Observation[][] {
  const { count, targets } = sample;
  const perExample = targets?.kind === 'classes' ? targets.perExample : 1;
  const hasRows = targets?.kind === 'classes' || outputs.every(({ tensor }) => isClassScores(tensor));
  const rows = outputs.map(({ tensor, probabilities }) =>
    hasRows ? readClassRows(tensor, { count, perExample }, probabilities) : null,
  );
  return Array.from({ length: count }, (_, example) =>
    outputs.map(({ tensor }, model): Observation => {
      const ownRows = rows[model];
      const firstRows = rows[0];
      const range = { example, perExample, targets: targets?.kind === 'classes' ? targets : null };
      let comparison: Comparison | null = null;
      if (model > 0) {
        comparison =
          ownRows && firstRows
            ? compareRows(firstRows, ownRows, range)
            : compareWhole(outputs[0].tensor, tensor, example);
      }
      return {
        answers: ownRows && range.targets ? scoreAnswers(ownRows, range.targets, example) : null,
        fromTarget: targets?.kind === 'tensors' ? distanceFromTarget(targets.tensors, tensor, example) : null,
        comparison,
      };
    }),
  );
}

/** [batch, classes]: what a classifier without labels to compare with gives. */
function isClassScores({ dataType, shape }: Tensor): boolean {
  return isFloat(dataType) && shape.length === 2 && shape[1] > 1;
}

function scoreAnswers(rows: ClassRows, targets: ClassTargets, example: number): AnswerScore | null {
  const pairs: number[] = [];
  let top1 = 0;
  let top5 = 0;
  let nll = 0;
  for (let i = 0, row = example * targets.perExample; i < targets.perExample; i++, row++) {
    const target = targets.values[row];
    if (target < 0) continue;
    // A row that is not finite has no likeliest class.
    const predicted = Number.isNaN(rows.logSums[row]) ? -1 : rows.predicted[row];
    pairs.push(target, predicted);
    if (predicted === target) top1++;
    if (isInTop(rows, row, target, 5)) top5++;
    nll += negativeLogLikelihood(rows, row, target);
  }
  if (pairs.length === 0) return null;
  const { words, bytes } = targets.text?.[example] ?? { words: 0, bytes: 0 };
  return { scored: pairs.length / 2, top1, top5, nll, words, bytes, pairs: Int32Array.from(pairs) };
}

interface RowRange {
  readonly example: number;
  readonly perExample: number;
  readonly targets: ClassTargets | null;
}

/** Over the rows that are scored; all of them where nothing is. */
function compareRows(first: ClassRows, own: ClassRows, { example, perExample, targets }: RowRange): Comparison {
  const distance = new DistanceSum();
  let rows = 0;
  let agreeing = 0;
  let finiteRows = 0;
  let kl = 0;
  for (let row = example * perExample; row < (example + 1) * perExample; row++) {
    if (targets && targets.values[row] < 0) continue;
    rows++;
    if (first.predicted[row] === own.predicted[row]) agreeing++;
    const divergence = klDivergence(first, own, row);
    if (!Number.isFinite(divergence)) continue;
    finiteRows++;
    kl += divergence;
    distance.add(first.raw, own.raw, row * first.width, (row + 1) * first.width);
  }
  return { rows, agreeing, finiteRows, kl, distance: distance.value };
}

function compareWhole(first: Tensor, own: Tensor, example: number): Comparison | null {
  const reference = exampleValues(first, example);
  const other = exampleValues(own, example);
  if (!reference || !other || reference.length !== other.length) return null;
  return { rows: 0, agreeing: 0, finiteRows: 0, kl: 0, distance: distanceBetween(reference, other) };
}

function distanceFromTarget(targets: Readonly<Record<string, Tensor>>, output: Tensor, example: number) {
  // Targets of other outputs than the one that is looked at are dropped before.
  const [target] = Object.values(targets);
  const reference = target && exampleValues(target, example);
  const other = exampleValues(output, example);
  return reference && other && reference.length === other.length ? distanceBetween(reference, other) : null;
}

function distanceBetween(reference: ArrayLike<number>, other: ArrayLike<number>): Distance {
  const sum = new DistanceSum();
  sum.add(reference, other, 0, reference.length);
  return sum.value;
}

/** The elements of one example of a batch as numbers; null for what is no number. */
function exampleValues(tensor: Tensor, example: number): ArrayLike<number> | null {
  const values = elementValues(tensor);
  if (!values) return null;
  const length = tensor.size / Math.max(tensor.shape[0] ?? 1, 1);
  return length === tensor.size ? values : Array.prototype.slice.call(values, example * length, (example + 1) * length);
}
