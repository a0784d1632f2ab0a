// What is written is read by a decoder that shares nothing with ours: onnx-proto, generated from ONNX 1.10.
import { readdirSync, readFileSync } from 'node:fs';
import { onnx } from 'onnx-proto';
import { expect, test } from 'vitest';
import { encodeToBytes, loadModel } from '../../src/onnx/index.js';

const folder = 'fixtures/models';
const models = readdirSync(folder).filter((name) => name.endsWith('.onnx'));

test.each(models)('%s: nodes, names and weights survive a load and a save', async (name) => {
  const path = `${folder}/${name}`;
  const before = onnx.ModelProto.decode(readFileSync(path)).graph!;
  const after = onnx.ModelProto.decode(encodeToBytes(await loadModel(path))).graph!;

  const signature = ({ opType, input, output }: onnx.INodeProto): unknown => ({ opType, input, output });
  expect(after.node!.map(signature)).toEqual(before.node!.map(signature));
  expect(after.input!.map((input) => input.name)).toEqual(before.input!.map((input) => input.name));
  expect(after.output!.map((output) => output.name)).toEqual(before.output!.map((output) => output.name));
  expect(after.initializer!.map((tensor) => tensor.name)).toEqual(before.initializer!.map((tensor) => tensor.name));
  for (const [index, tensor] of before.initializer!.entries()) {
    if (!tensor.rawData?.length) continue;
    expect(Buffer.compare(after.initializer![index].rawData!, tensor.rawData)).toBe(0);
  }
});
