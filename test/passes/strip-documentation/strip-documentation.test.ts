import { expect, test } from 'vitest';
import { builtinPasses } from '../../../passes/index.js';
import { compressModel } from '../../../src/compress.js';
import { Model, tensorType } from '../../../src/ir/index.js';
import { encodeToBytes, loadModel } from '../../../src/onnx/index.js';

function documentedModel(): Model {
  const model = new Model();
  model.opsetImports.set('', 17);
  model.metadataProps.set('licence', 'kept');
  const input = model.graph.addInput('x', tensorType('float32', [2]));
  const node = model.graph.append({
    opType: 'Relu',
    inputs: [input],
    outputs: ['y'],
    opaque: {
      message: {
        doc_string: new TextEncoder().encode('File "model.py", line 7'),
        metadata_props: [{ key: 'stack', value: 'a trace' }],
      },
    },
  });
  node.output.type = tensorType('float32', [2]);
  model.graph.addOutput(node.output);
  return model;
}

const contains = (bytes: Uint8Array, text: string): boolean => Buffer.from(bytes).includes(text);

test('documentation of nodes goes, metadata of the model stays, the original is untouched', async () => {
  const model = await loadModel(encodeToBytes(documentedModel()));
  const pass = builtinPasses.find(({ name }) => name === 'strip-documentation')!;
  const { model: stripped, report } = await compressModel(model, { seed: null, steps: [{ pass, options: {} }] });

  const after = encodeToBytes(stripped);
  expect(contains(after, 'model.py')).toBe(false);
  expect(contains(after, 'a trace')).toBe(false);
  expect(contains(after, 'licence')).toBe(true);
  expect(contains(encodeToBytes(model), 'model.py')).toBe(true);
  expect(report.passes[0].edited).toBe(true);
  expect(stripped.graph.nodeCount).toBe(1);
});
