// Facts about operators.
export { isMultiplying, macsOf, type ShapeOf } from './macs.js';
