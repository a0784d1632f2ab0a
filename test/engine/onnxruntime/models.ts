// Small models for the engine's tests, made in the IR.
import { type Attribute, intAttribute, Model, type TensorType, tensorType, type Value } from '../../../src/ir/index.js';
import { type DataType, dataTypeCode, MemoryTensor } from '../../../src/tensor/index.js';

export function emptyModel(opset = 21): Model {
  const model = new Model();
  model.opsetImports.set('', opset);
  return model;
}

/** x [n, rows] · weight [rows, columns] → y, the weights counting up in steps of 1/8. */
export function matMulModel(rows: number, columns: number): Model {
  const model = emptyModel();
  const x = model.graph.addInput('x', tensorType('float32', ['n', rows]));
  const values = Float32Array.from({ length: rows * columns }, (_, index) => index / 8);
  const weight = model.graph.addInitializer('weight', new MemoryTensor('float32', [rows, columns], values));
  const node = model.graph.append({ opType: 'MatMul', inputs: [x, weight], outputs: ['y'] });
  addOutput(model, node.output, tensorType('float32', ['n', columns]));
  return model;
}

/** x of one type cast to another. */
export function castModel(from: DataType, to: DataType, shape: TensorType['shape'], opset = 21): Model {
  const model = emptyModel(opset);
  const x = model.graph.addInput('x', tensorType(from, shape));
  const node = model.graph.append({ opType: 'Cast', inputs: [x], outputs: ['y'], attributes: castTo(to) });
  addOutput(model, node.output, tensorType(to, shape));
  return model;
}

export function castTo(dataType: DataType): Record<string, Attribute> {
  return { to: intAttribute(dataTypeCode(dataType)) };
}

export function addOutput(model: Model, value: Value, type: TensorType | null): void {
  value.type = type;
  model.graph.addOutput(value);
}
