// Inferred types and shapes, checked by hand: symbolic names kept, ranks told from scalars, weights not needed.
import { describe, expect, it } from 'vitest';
import { createOnnxRuntimeEngine } from '../../../src/engine/index.js';
import { Graph, intAttribute, intsAttribute, type Model, tensorType } from '../../../src/ir/index.js';
import { ComputedTensor, int64Tensor, scalarTensor } from '../../../src/tensor/index.js';
import { addOutput, castTo, emptyModel, matMulModel } from './models.js';

const engine = createOnnxRuntimeEngine();

async function inferredByName(model: Model) {
  return Object.fromEntries([...(await engine.inferTypes(model))].map(([value, type]) => [value.name, type]));
}

describe('inferTypes', () => {
  it('gives every value of the main graph, symbolic dimensions by name, and edits nothing', async () => {
    const model = matMulModel(8, 16);
    const [y] = model.graph.outputs;
    const { output: z } = model.graph.append({ opType: 'Transpose', inputs: [y], outputs: ['z'] });
    addOutput(model, z, null);
    const { revision } = model;
    expect(await inferredByName(model)).toEqual({
      x: tensorType('float32', ['n', 8]),
      weight: tensorType('float32', [8, 16]),
      y: tensorType('float32', ['n', 16]),
      z: tensorType('float32', [16, 'n']),
    });
    expect(model.revision).toBe(revision);
  });

  it('does not read large weights', async () => {
    const model = matMulModel(2, 2);
    const unreadable = new ComputedTensor(
      'float32',
      [512, 512],
      {
        module: import.meta.url,
        exportName: 'unreadable',
        chunks() {
          throw new Error('read');
        },
      },
      [],
      null,
    );
    const weight = model.graph.addInitializer('large', unreadable);
    const x = model.graph.addInput('x2', tensorType('float32', ['n', 512]));
    addOutput(model, model.graph.append({ opType: 'MatMul', inputs: [x, weight], outputs: ['y2'] }).output, null);
    expect((await inferredByName(model)).y2).toEqual(tensorType('float32', ['n', 512]));
  });

  it('tells scalars from values of unknown rank', async () => {
    const model = emptyModel();
    const { graph } = model;
    const x = graph.addInput('x', tensorType('float32', [2, 3]));
    const shape = graph.addInput('shape', tensorType('int64', ['rank']));
    const sum = graph.append({
      opType: 'ReduceSum',
      inputs: [x],
      outputs: ['sum'],
      attributes: { keepdims: intAttribute(0) },
    });
    const reshaped = graph.append({ opType: 'Reshape', inputs: [x, shape], outputs: ['reshaped'] });
    addOutput(
      model,
      graph.append({ opType: 'Add', inputs: [sum.output, reshaped.output], outputs: ['y'] }).output,
      null,
    );
    const types = await inferredByName(model);
    expect(types.sum).toEqual(tensorType('float32', []));
    expect(types.reshaped).toEqual(tensorType('float32', null));
    expect(types.y).toEqual(tensorType('float32', null));
  });

  it('follows types that the binding cannot fetch', async () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('float32', [4]));
    const { output: b } = model.graph.append({
      opType: 'Cast',
      inputs: [x],
      outputs: ['b'],
      attributes: castTo('bfloat16'),
    });
    const { output: q } = model.graph.append({
      opType: 'Cast',
      inputs: [x],
      outputs: ['q'],
      attributes: castTo('int4'),
    });
    const { output: y } = model.graph.append({
      opType: 'Cast',
      inputs: [b],
      outputs: ['y'],
      attributes: castTo('float32'),
    });
    addOutput(model, y, null);
    addOutput(model, q, null);
    const types = await inferredByName(model);
    expect(types.b).toEqual(tensorType('bfloat16', [4]));
    expect(types.q).toEqual(tensorType('int4', [4]));
  });

  it('leaves out sequences and keeps the rest', async () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('float32', [4]));
    const { output: s } = model.graph.append({ opType: 'SequenceConstruct', inputs: [x, x], outputs: ['s'] });
    const index = model.graph.addInitializer('index', scalarTensor('int64', 1));
    addOutput(model, model.graph.append({ opType: 'SequenceAt', inputs: [s, index], outputs: ['y'] }).output, null);
    const types = await inferredByName(model);
    expect(types.s).toBeUndefined();
    expect(types.y).toEqual(tensorType('float32', null));
  });

  it('goes through nodes with subgraphs and their weights', async () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('float32', ['n', 64]));
    const condition = model.graph.addInput('condition', tensorType('bool', []));
    const branch = (name: string): Graph => {
      const graph = new Graph(model.graph.scope, name);
      const [weight] = [...matMulModel(64, 32).graph.initializers];
      const inner = graph.addInitializer(`${name}_weight`, weight.constant!);
      const { output } = graph.append({ opType: 'MatMul', inputs: [x, inner], outputs: [`${name}_output`] });
      graph.addOutput(output);
      return graph;
    };
    const node = model.graph.append({
      opType: 'If',
      inputs: [condition],
      outputs: ['y'],
      attributes: {
        then_branch: { type: 'graph', value: branch('then') },
        else_branch: { type: 'graph', value: branch('else') },
      },
    });
    addOutput(model, node.output, null);
    expect((await inferredByName(model)).y).toEqual(tensorType('float32', ['n', 32]));
  });

  it('gives what is declared where onnxruntime refuses the model', async () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('float32', [4]));
    const { output } = model.graph.append({ opType: 'NoSuchOperator', inputs: [x], outputs: ['y'] });
    addOutput(model, output, tensorType('float32', [7]));
    expect(await inferredByName(model)).toEqual({ x: tensorType('float32', [4]), y: tensorType('float32', [7]) });
  });

  it('reads axes and shapes from small constants', async () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('float32', ['n', 6]));
    const shape = model.graph.addInitializer('shape', int64Tensor([3], [0, 2, 3]));
    const { output } = model.graph.append({ opType: 'Reshape', inputs: [x, shape], outputs: ['r'] });
    const permuted = model.graph.append({
      opType: 'Transpose',
      inputs: [output],
      outputs: ['y'],
      attributes: { perm: intsAttribute([2, 0, 1]) },
    });
    addOutput(model, permuted.output, null);
    expect((await inferredByName(model)).y).toEqual(tensorType('float32', [3, 'n', 2]));
  });
});
