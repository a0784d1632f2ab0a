export { type FormatOptions, formatModel } from './format-model.js';
export { type ParseOptions, parseModel } from './parse-model.js';
