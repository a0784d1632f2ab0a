// Made-up inputs for models without data. Apart from `data/`, so that what needs no files does not load their readers.
export { findWorkingFeeds } from './find-working-feeds.js';
export { likelyShapes } from './likely-shapes.js';
export { createSyntheticFeeds, type SyntheticFeeds, type SyntheticOptions } from './synthetic-feeds.js';
