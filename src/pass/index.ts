export { nodeLabel } from '../ir/index.js';
export { chooseLinearOperators } from './choose-linear-operators.js';
export { nearest, optionsError, parseOptions } from './parse-options.js';
export {
  type CurvePoint,
  definePass,
  type FactTable,
  type Pass,
  type PassContext,
  type PassKind,
  type PassNeed,
  type PassRecord,
  type Protection,
} from './pass.js';
export { type PassReport, type RunEnvironment, runPass } from './run-pass.js';
export { selectionOptions } from './selection-options.js';
export { Selection } from './selector.js';
export { parseShare, partOption, shareOption } from './share-option.js';
export type { TechniqueFacts } from './techniques.js';
export { withSamples } from './with-samples.js';
