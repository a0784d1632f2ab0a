// Graphs as files have them: nodes out of order, captured names, nesting, names that collide.
import { describe, expect, test } from 'vitest';
import { cloneModel, verifyModel } from '../../src/ir/index.js';
import { encodeToBytes, loadModel } from '../../src/onnx/index.js';
import { decodeProto, encodeProto } from './proto.js';
import { field, join, nested, varint } from './wire-bytes.js';

type Message = Record<string, unknown>;

function modelOf(graph: Message, more: Message = {}): Uint8Array {
  return encodeProto('ModelProto', {
    ir_version: 10,
    opset_import: [{ version: 21 }],
    graph: { name: 'g', ...graph },
    ...more,
  });
}

const relu = (input: string, output: string): Message => ({ op_type: 'Relu', input: [input], output: [output] });
const invalid = (message: RegExp): unknown =>
  expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringMatching(message) });

test('nodes are put into topological order', async () => {
  const model = await loadModel(
    modelOf({
      input: [{ name: 'x' }],
      output: [{ name: 'd' }],
      node: [relu('c', 'd'), relu('a', 'b'), relu('b', 'c'), relu('x', 'a')],
    }),
  );
  verifyModel(model);
  expect([...model.graph.nodes()].map((node) => node.output.name)).toEqual(['a', 'b', 'c', 'd']);
});

test('what a subgraph captures counts for the order', async () => {
  const branch = { node: [relu('late', 'y')], output: [{ name: 'y' }] };
  const node = { op_type: 'If', input: ['x'], output: ['z'], attribute: [{ name: 'then_branch', type: 5, g: branch }] };
  const model = await loadModel(
    modelOf({ input: [{ name: 'x' }], output: [{ name: 'z' }], node: [node, relu('x', 'late')] }),
  );
  verifyModel(model);
  expect([...model.graph.nodes()].map(({ opType }) => opType)).toEqual(['Relu', 'If']);
});

test('a chain of many nodes in reverse order is sorted without running out of stack', async () => {
  const count = 20_000;
  const node = Array.from({ length: count }, (_, index) => relu(`v${count - index - 1}`, `v${count - index}`));
  const model = await loadModel(modelOf({ input: [{ name: 'v0' }], output: [{ name: `v${count}` }], node }));
  expect(model.graph.nodeCount).toBe(count);
});

test('one node that needs very many others, listed first', async () => {
  const count = 20_000;
  const names = Array.from({ length: count }, (_, index) => `v${index}`);
  const node = [{ op_type: 'Sum', input: names, output: ['y'] }, ...names.map((name) => relu('x', name))];
  const model = await loadModel(modelOf({ input: [{ name: 'x' }], output: [{ name: 'y' }], node }));
  verifyModel(model);
});

describe('refused', () => {
  test.each<[string, Message, RegExp]>([
    ['a cycle', { node: [relu('b', 'a'), relu('a', 'b')] }, /cycle/],
    ['a node that needs itself', { node: [relu('a', 'a')] }, /cycle|nothing computes/],
    [
      'two nodes that compute the same value',
      { input: [{ name: 'x' }], node: [relu('x', 'a'), relu('x', 'a')] },
      /"a" twice/,
    ],
    ['two inputs of the same name', { input: [{ name: 'x' }, { name: 'x' }] }, /"x" twice/],
    [
      'two initializers of the same name',
      {
        initializer: [
          { name: 'w', dims: [0], data_type: 1 },
          { name: 'w', dims: [0], data_type: 1 },
        ],
      },
      /two initializers "w"/,
    ],
    ['a node that computes an input', { input: [{ name: 'x' }], node: [relu('x', 'x')] }, /cycle|twice/],
    ['an input that nothing computes', { node: [relu('nowhere', 'y')] }, /"nowhere", which nothing computes/],
    ['an output that nothing computes', { output: [{ name: 'y' }] }, /output "y"/],
    [
      'an attribute that comes twice',
      {
        node: [
          {
            op_type: 'X',
            attribute: [
              { name: 'a', type: 2, i: 1 },
              { name: 'a', type: 2, i: 2 },
            ],
          },
        ],
      },
      /attribute a twice/,
    ],
  ])('%s', async (_, graph, message) => {
    await expect(loadModel(modelOf(graph)).then(verifyModel)).rejects.toEqual(invalid(message));
  });
});

test('names from JavaScript objects are names like others', async () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
  const node = {
    op_type: 'Relu',
    input: ['__proto__'],
    output: ['constructor'],
    attribute: names.map((name) => ({ name, type: 2, i: 1 })),
  };
  const bytes = modelOf(
    { input: [{ name: '__proto__' }], output: [{ name: 'constructor' }], node: [node] },
    { metadata_props: names.map((key) => ({ key, value: key })) },
  );
  const { graph, metadata_props } = decodeProto('ModelProto', encodeToBytes(cloneModel(await loadModel(bytes))));
  const [saved] = (graph as { node: { attribute: { name: string }[] }[] }).node;
  expect(saved.attribute.map(({ name }) => name).sort()).toEqual([...names].sort());
  expect((metadata_props as { key: string }[]).map(({ key }) => key)).toEqual(names);
});

/** A graph with `levels` of If within each other, by hand: protobufjs refuses to write what it would not read. */
function nestedIf(levels: number): Uint8Array {
  const names = [field(1, 'x'), field(2, 'y')];
  const branch =
    levels === 0 ? null : nested(5, field(1, 'then_branch'), field(20, varint(5)), nested(6, nestedIf(levels - 1)));
  const node = branch ? nested(1, ...names, field(4, 'If'), branch) : nested(1, ...names, field(4, 'Relu'));
  return join(node, nested(12, field(1, 'y')));
}

function modelOfIfs(levels: number): Uint8Array {
  return join(field(1, varint(10)), nested(7, nestedIf(levels), nested(11, field(1, 'x'))));
}

test('subgraphs nest as deep as protobuf allows, and no deeper', async () => {
  const model = await loadModel(modelOfIfs(32));
  verifyModel(model);
  expect([...model.allGraphs()]).toHaveLength(33);
  await expect(loadModel(encodeToBytes(model))).resolves.toBeDefined();
  // Whether the depth is found while large messages are skipped or while small ones are decoded.
  for (const levels of [33, 40, 1000])
    await expect(loadModel(modelOfIfs(levels))).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
});

test('a model without a graph is invalid', async () => {
  await expect(loadModel(encodeProto('ModelProto', { ir_version: 8 }))).rejects.toEqual(invalid(/no graph/));
});
