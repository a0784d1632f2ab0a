// The graph that onnxruntime really executes: what is left after it has optimized a model.
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { Model } from '../src/ir/index.js';
import { loadModel, saveModel } from '../src/onnx/index.js';

/** Operators of the optimized graph of `model` with how often they occur, subgraphs included; `folder` is for files. */
export async function optimizedOperators(model: Model, folder: string): Promise<Map<string, number>> {
  const path = join(folder, 'given.onnx');
  const optimizedModelFilePath = join(folder, 'optimized.onnx');
  await saveModel(model, path, { overwrite: true });
  const session = await ort.InferenceSession.create(path, { optimizedModelFilePath, graphOptimizationLevel: 'all' });
  await session.release();
  const counts = new Map<string, number>();
  const optimized = await loadModel(optimizedModelFilePath);
  for (const node of optimized.allNodes()) counts.set(node.qualifiedType, (counts.get(node.qualifiedType) ?? 0) + 1);
  return counts;
}
