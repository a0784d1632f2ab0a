// The inputs that come with a model of the ONNX backend suite: `test_data_set_0/input_0.pb` and so on, one TensorProto each.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Feeds } from '../../src/engine/index.js';
import type { Model } from '../../src/ir/index.js';
import { loadModel } from '../../src/onnx/index.js';
import type { Tensor } from '../../src/tensor/index.js';

/** Feeds for the model at `path`, or null where none come along, or they are no tensors. */
export async function givenFeeds(path: string, { graph }: Model): Promise<Feeds | null> {
  const folder = join(dirname(path), 'test_data_set_0');
  if (!existsSync(folder)) return null;
  const feeds: Record<string, Tensor> = {};
  for (const [index, { name }] of graph.inputs.filter(({ isInitializer }) => !isInitializer).entries()) {
    const file = join(folder, `input_${index}.pb`);
    const tensor = existsSync(file) ? await readTensor(readFileSync(file)) : null;
    if (!tensor) return null;
    feeds[name] = tensor;
  }
  return feeds;
}

/** Fields of ONNX, all length-delimited. */
const modelGraph = 7;
const graphInitializer = 5;
const tensorName = 8;

/** A TensorProto becomes the only initializer of a model, which is read as every model is; null for what is no tensor. */
async function readTensor(message: Uint8Array): Promise<Tensor | null> {
  const named = Buffer.concat([message, delimited(tensorName, Buffer.from('given'))]);
  try {
    const model = await loadModel(delimited(modelGraph, delimited(graphInitializer, named)));
    return [...model.graph.initializers][0]?.constant ?? null;
  } catch {
    return null;
  }
}

function delimited(field: number, content: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = content.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([Uint8Array.of(field * 8 + 2, ...length), content]);
}
