// The shape of what two tensors are broadcast to (ONNX, multidirectional broadcasting).
import { internalError } from '../errors.js';

export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) throw internalError(`[${a}] and [${b}] cannot be broadcast`);
    return left === 1 ? right : left;
  });
}
