// How many examples make a batch where the models say how long its axis is.
import { unsupportedModel } from '../../errors.js';
import type { Model } from '../../ir/index.js';
import { fixedBatch } from '../graphs/free-batch.js';
import type { Examples } from './examples.js';

/**
 * Where models have a batch axis of fixed length, the number of examples that fill it: 1 where each has all its rows. null: any number. Throws MODEL_UNSUPPORTED where
 * student and teacher say different lengths.
 */
export function examplesAtOnce(models: readonly Model[], examples: Examples): number | null {
  const lengths = models.flatMap((model) => fixedBatch(model) ?? []);
  if (lengths.length === 0) return null;
  const [length] = lengths;
  if (lengths.some((other) => other !== length)) {
    throw unsupportedModel(
      `The student takes ${lengths[0]} examples at once and the teacher ${lengths[1]}, and neither can take another number`,
      'Export one of them with a batch axis that is free, or with that of the other.',
    );
  }
  const [{ feeds }] = examples.first(1);
  const rows = Math.min(...Object.values(feeds).flatMap(({ shape }) => shape[0] ?? []));
  return Number.isFinite(rows) && rows > 0 && length % rows === 0 ? length / rows : 1;
}
