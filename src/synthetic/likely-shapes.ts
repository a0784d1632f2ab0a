// Shapes for the inputs of a model whose axes are dynamic, where something is to be counted and nothing to be run.
import { DsoptError } from '../errors.js';
import type { Model } from '../ir/index.js';
import { createSyntheticFeeds, type SyntheticOptions } from './synthetic-feeds.js';

/** By input name; empty where some input is no tensor. Throws USAGE for `inputShapes` that do not fit the model. */
export function likelyShapes(
  model: Model,
  inputShapes: SyntheticOptions['inputShapes'] = {},
): ReadonlyMap<string, readonly number[]> {
  try {
    return new Map(Object.entries(createSyntheticFeeds(model, { inputShapes }).shapes));
  } catch (cause) {
    if (cause instanceof DsoptError && cause.code === 'MODEL_UNSUPPORTED') return new Map();
    throw cause;
  }
}
