// Losses as graph builders.
export { crossEntropy } from './cross-entropy.js';
export {
  attentionDivergence,
  project,
  relativeSquaredError,
  similarityError,
  softenedDivergence,
} from './distillation.js';
