// The bounds of Clip (operator of ONNX): attributes below opset 11, inputs since.
import type { Node } from '../ir/index.js';
import { constantSource } from './constant-source.js';

export interface ClipBounds {
  /** −∞ where there is none, or none that is known. */
  readonly low: number;
  /** ∞ where there is none, or none that is known. */
  readonly high: number;
}

export function clipBounds(node: Node): ClipBounds {
  const bound = (index: number, attribute: string, missing: number): number => {
    if (node.attributes.has(attribute)) return node.attributes.float(attribute, missing);
    const source = constantSource(node.input(index));
    return source?.tensor.size === 1 ? source.tensor.readFloat32()[0] : missing;
  };
  return { low: bound(1, 'min', Number.NEGATIVE_INFINITY), high: bound(2, 'max', Number.POSITIVE_INFINITY) };
}
