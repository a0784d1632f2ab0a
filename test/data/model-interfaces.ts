// Interfaces of models that data is prepared for, without the models.
import type { ModelInterface } from '../../src/data/index.js';
import type { ValueInfo } from '../../src/engine/index.js';
import { type Dimension, tensorType } from '../../src/ir/index.js';
import type { DataType } from '../../src/tensor/index.js';

export type Shapes = Readonly<Record<string, readonly [DataType, readonly Dimension[]]>>;

export function modelInterface(inputs: Shapes, outputs: Shapes = { logits: ['float32', ['N', 10]] }): ModelInterface {
  return { inputs: values(inputs), outputs: values(outputs), folder: null };
}

function values(shapes: Shapes): ValueInfo[] {
  return Object.entries(shapes).map(([name, [dataType, shape]]) => ({ name, type: tensorType(dataType, shape) }));
}

export async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const result: Item[] = [];
  for await (const item of items) result.push(item);
  return result;
}
