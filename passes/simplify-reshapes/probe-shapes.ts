// Shapes of all values for several lengths of the axes that vary. What agrees for lengths without a common factor (and for those of real
// texts and images) is taken as the same expression of them: lengths are sums, products and quotients of lengths of inputs.
import { propagateShapes } from '../../src/analysis/index.js';
import type { Model, Value } from '../../src/ir/index.js';

export type Shapes = ReadonlyMap<Value, readonly number[]>;

/** A probe each; the n-th axis that varies takes the n-th length, from the beginning again after the last. */
const lengths: readonly (readonly number[])[] = [
  [2, 3, 5, 7],
  [7, 11, 13, 17],
  [5, 19, 2, 3],
  [3, 37, 29, 31],
  [13, 41, 43, 47],
  [1, 64, 96, 16],
  [2, 160, 224, 32],
  [3, 320, 288, 64],
  [480, 5, 7, 2],
  [960, 2, 3, 1],
];

export function probeShapes(model: Model): Shapes[] {
  const inputs = model.graph.inputs.filter((input) => !input.isInitializer);
  return lengths.map((probe) => {
    const chosen = new Map<string, number>();
    const shapes = new Map<string, number[]>();
    for (const { name, type } of inputs) {
      if (type?.kind !== 'tensor' || !type.shape) continue;
      const dims = type.shape.map((length, axis) => {
        if (typeof length === 'number') return length;
        const symbol = length ?? `${name}\0${axis}`;
        if (!chosen.has(symbol)) chosen.set(symbol, probe[chosen.size % probe.length]);
        return chosen.get(symbol)!;
      });
      shapes.set(name, dims);
    }
    return propagateShapes(model, shapes, { declared: false });
  });
}
