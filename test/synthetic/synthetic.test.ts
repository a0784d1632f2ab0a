// Made-up inputs: each case is a graph whose consumers leave one right answer, or a range to stay in.
import { describe, expect, it } from 'vitest';
import { createOnnxRuntimeEngine } from '../../src/engine/index.js';
import {
  type Attribute,
  Graph,
  intAttribute,
  Model,
  Scope,
  type TensorType,
  tensorType,
  type Value,
} from '../../src/ir/index.js';
import { createSyntheticFeeds, findWorkingFeeds } from '../../src/synthetic/index.js';
import { float32Tensor, int64Tensor, type StringTensor, type Tensor } from '../../src/tensor/index.js';

function emptyModel(): Model {
  const model = new Model();
  model.opsetImports.set('', 17);
  model.opsetImports.set('com.microsoft', 1);
  model.opsetImports.set('ai.onnx.ml', 3);
  return model;
}

/** Adds a node with one output to the graph, which also becomes an output of it. */
function add(
  graph: Graph,
  opType: string,
  inputs: (Value | null)[],
  attributes: Record<string, Attribute> = {},
): Value {
  const [domain, name] = opType.includes('::') ? opType.split('::') : ['', opType];
  return graph.append({ opType: name, domain, inputs, attributes }).output;
}

function table(graph: Graph, rows: number): Value {
  return graph.addInitializer('table', float32Tensor([rows, 2], new Float32Array(rows * 2)));
}

function valuesOf(model: Model, name: string, options?: Parameters<typeof createSyntheticFeeds>[1]): number[] {
  return createSyntheticFeeds(model, options).at(0)[name].readNumbers();
}

describe('token ids', () => {
  it.each([
    ['straight', (_: Graph, ids: Value) => ids],
    [
      'through Cast, Unsqueeze and Slice',
      (graph: Graph, ids: Value) => {
        const cast = add(graph, 'Cast', [ids], { to: intAttribute(7) });
        const axes = graph.addInitializer('axes', int64Tensor([1], [0]));
        const unsqueezed = add(graph, 'Unsqueeze', [cast, axes]);
        return add(graph, 'Slice', [unsqueezed, axes, graph.addInitializer('ends', int64Tensor([1], [9])), axes]);
      },
    ],
    [
      'through Concat',
      (graph: Graph, ids: Value) => {
        const start = graph.addInitializer('start', int64Tensor([1, 1], [0]));
        return add(graph, 'Concat', [start, ids], { axis: intAttribute(1) });
      },
    ],
    [
      'out of a branch',
      (graph: Graph, ids: Value) => {
        const branch = (name: string): Graph => {
          const inner = new Graph(graph.scope, name);
          inner.addOutput(add(inner, 'Identity', [ids]));
          return inner;
        };
        const condition = graph.addInput('condition', tensorType('bool', []));
        return add(graph, 'If', [condition], {
          then_branch: { type: 'graph', value: branch('then') },
          else_branch: { type: 'graph', value: branch('else') },
        });
      },
    ],
  ])('stay below the rows of their table: %s', (_, way) => {
    const model = emptyModel();
    const ids = model.graph.addInput('ids', tensorType('int64', ['batch', 'sequence']));
    add(model.graph, 'Gather', [table(model.graph, 7), way(model.graph, ids)]);
    const values = valuesOf(model, 'ids', { inputShapes: { ids: [4, 100] } });
    expect(new Set(values)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
  });

  it('leave room for what is added to them', () => {
    const model = emptyModel();
    const ids = model.graph.addInput('ids', tensorType('int64', ['batch', 'sequence']));
    const offset = model.graph.addInitializer('offset', int64Tensor([], [2]));
    add(model.graph, 'Gather', [table(model.graph, 5), add(model.graph, 'Add', [ids, offset])]);
    expect(new Set(valuesOf(model, 'ids', { inputShapes: { ids: [1, 100] } }))).toEqual(new Set([0, 1, 2]));
  });

  it('are followed into local functions and out again', () => {
    const model = emptyModel();
    const body = new Graph(new Scope(), 'shift');
    body.addOutput(add(body, 'Identity', [body.addInput('x', null)]));
    model.functions.push({
      domain: 'own',
      name: 'Shift',
      overload: '',
      attributes: [],
      attributeDefaults: {},
      opsetImports: new Map([['', 17]]),
      body,
      opaque: null,
    });
    const ids = model.graph.addInput('ids', tensorType('int32', [1, 50]));
    add(model.graph, 'Gather', [table(model.graph, 3), add(model.graph, 'own::Shift', [ids])]);
    expect(new Set(valuesOf(model, 'ids'))).toEqual(new Set([0, 1, 2]));
  });

  it('know tables that are computed from inferred types', () => {
    const model = emptyModel();
    const ids = model.graph.addInput('ids', tensorType('int64', [1, 50]));
    const computed = add(model.graph, 'Identity', [table(model.graph, 2)]);
    add(model.graph, 'Gather', [computed, ids]);
    const types = new Map([[computed, tensorType('float32', [2, 2])]]);
    expect(new Set(valuesOf(model, 'ids', { types }))).toEqual(new Set([0, 1]));
  });
});

describe('roles', () => {
  const feedsOf = (inputs: Record<string, TensorType>, options?: Parameters<typeof createSyntheticFeeds>[1]) => {
    const model = emptyModel();
    for (const [name, type] of Object.entries(inputs)) model.graph.addInput(name, type);
    return createSyntheticFeeds(model, options).at(0);
  };
  const ids = tensorType('int64', ['batch', 'sequence']);

  it('masks are ones, segments zeros, positions count, lengths are those of the data', () => {
    const feeds = feedsOf({
      input_ids: ids,
      attention_mask: ids,
      token_type_ids: ids,
      position_ids: ids,
      lengths: tensorType('int64', ['batch']),
    });
    expect(new Set(feeds.attention_mask.readNumbers())).toEqual(new Set([1]));
    expect(new Set(feeds.token_type_ids.readNumbers())).toEqual(new Set([0]));
    const count = feeds.input_ids.shape[1];
    expect(feeds.position_ids.readNumbers()).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(feeds.lengths.readNumbers()).toEqual([count]);
  });

  it('a mask is recognized by what is done with it', () => {
    const model = emptyModel();
    const kept = model.graph.addInput('kept', ids);
    add(model.graph, 'Sub', [model.graph.addInitializer('one', int64Tensor([], [1])), kept]);
    expect(new Set(valuesOf(model, 'kept'))).toEqual(new Set([1]));
  });

  it('the sample rate is 16 kHz', () => {
    expect(feedsOf({ sr: tensorType('int64', []) }).sr.readNumbers()).toEqual([16000]);
  });

  it('pictures lie around [0, 1], or [0, 255] as bytes', () => {
    const { floats, bytes } = feedsOf({
      floats: tensorType('float32', [1, 3, 'height', 'width']),
      bytes: tensorType('uint8', [1, 'height', 'width', 3]),
    });
    const spread = (tensor: Tensor) => {
      const values = Array.from(tensor.readFloat32());
      return { low: Math.min(...values.slice(0, 9999)), high: Math.max(...values.slice(0, 9999)), shape: tensor.shape };
    };
    expect(spread(floats)).toMatchObject({ shape: [1, 3, 224, 224] });
    expect(spread(floats).low).toBeGreaterThan(-0.5);
    expect(spread(floats).high).toBeLessThan(1.5);
    expect(spread(bytes)).toMatchObject({ shape: [1, 224, 224, 3] });
    expect(spread(bytes).high).toBeGreaterThan(100);
  });

  it('strings are texts, and known keys where an encoder asks for them', () => {
    const model = emptyModel();
    const word = model.graph.addInput('word', tensorType('string', [20]));
    add(model.graph, 'ai.onnx.ml::LabelEncoder', [word], {
      keys_strings: { type: 'strings', value: [Buffer.from('cat'), Buffer.from('dog')] },
    });
    const { values } = createSyntheticFeeds(model).at(0).word as StringTensor;
    expect(new Set(values.map((value) => Buffer.from(value).toString()))).toEqual(new Set(['cat', 'dog']));
  });

  it('divisors are never zero', () => {
    const model = emptyModel();
    const divisor = model.graph.addInput('divisor', tensorType('int32', [1000]));
    add(model.graph, 'Div', [divisor, divisor]);
    expect(valuesOf(model, 'divisor').every((value) => value > 0)).toBe(true);
  });

  it('shapes that a Reshape takes are those of its declared output', () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('float32', [2, 6]));
    const shape = model.graph.addInput('shape', tensorType('int64', [3]));
    add(model.graph, 'Reshape', [x, shape]).type = tensorType('float32', [3, 'n', 2]);
    expect(valuesOf(model, 'shape')).toEqual([3, -1, 2]);
  });
});

describe('dimensions', () => {
  it('of one name agree, sums of names are sums', () => {
    const model = emptyModel();
    model.graph.addInput('input_ids', tensorType('int64', ['batch_size', 'sequence_length']));
    model.graph.addInput('past.0.key', tensorType('float32', ['batch_size', 2, 'past_sequence_length', 4]));
    model.graph.addInput(
      'attention_mask',
      tensorType('int64', ['batch_size', 'past_sequence_length + sequence_length']),
    );
    const { shapes } = createSyntheticFeeds(model, { inputShapes: { input_ids: [2, 5] } });
    const past = shapes['past.0.key'][2];
    expect(shapes).toEqual({
      input_ids: [2, 5],
      'past.0.key': [2, 2, past, 4],
      attention_mask: [2, past + 5],
    });
  });

  it('follow from weights', () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('float32', [null, null]));
    const weight = model.graph.addInitializer('weight', float32Tensor([12, 3], new Float32Array(36)));
    add(model.graph, 'MatMul', [add(model.graph, 'Relu', [x]), weight]);
    expect(createSyntheticFeeds(model, { batch: 4 }).shapes).toEqual({ x: [4, 12] });
  });

  it('that are given must fit', () => {
    const model = emptyModel();
    model.graph.addInput('x', tensorType('float32', ['n', 3]));
    expect(() => createSyntheticFeeds(model, { inputShapes: { y: [1] } })).toThrow('no input y');
    expect(() => createSyntheticFeeds(model, { inputShapes: { x: [1, 4] } })).toThrow('cannot have the shape 1x4');
    expect(() => createSyntheticFeeds(model, { inputShapes: { x: [1] } })).toThrow('cannot have the shape 1');
  });

  it('are tried until the model runs', async () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('float32', [1, 'a', 4]));
    const shape = model.graph.addInitializer('shape', int64Tensor([2], [64, 4]));
    model.graph.addOutput(add(model.graph, 'Reshape', [x, shape]));
    const session = await createOnnxRuntimeEngine().open(model);
    await expect(findWorkingFeeds(session, model)).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      hint: expect.stringContaining('--input-shape'),
    });
    const { shapes } = await findWorkingFeeds(session, model, { inputShapes: { x: [1, 64, 4] } });
    expect(shapes).toEqual({ x: [1, 64, 4] });
    await session.close();
  });
});

describe('seeds', () => {
  const model = emptyModel();
  model.graph.addInput('x', tensorType('float32', [2, 50]));
  model.graph.addInput('y', tensorType('float32', [2, 50]));
  const bytes = (seed: number, index: number, name: string) =>
    Buffer.from(createSyntheticFeeds(model, { seed }).at(index)[name].bytes()).toString('hex');

  it('give the same feeds again', () => {
    expect(bytes(5, 1, 'x')).toBe(bytes(5, 1, 'x'));
  });

  it('tell seeds, samples and inputs apart', () => {
    expect(new Set([bytes(5, 1, 'x'), bytes(6, 1, 'x'), bytes(5, 2, 'x'), bytes(5, 1, 'y')]).size).toBe(4);
  });
});

it('inputs that are sequences are refused', () => {
  const model = emptyModel();
  model.graph.addInput('s', { kind: 'sequence', element: tensorType('float32', [1]) });
  expect(() => createSyntheticFeeds(model)).toThrow('Input s is a sequence');
});
