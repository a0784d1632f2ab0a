// What a training depends on, as a hash: a model with its weights, examples with their answers.
import { createHash } from 'node:crypto';
import type { Model } from '../../ir/index.js';
import { encodeToBytes } from '../../onnx/index.js';
import type { Examples } from './examples.js';

export function modelFingerprint(model: Model): string {
  return createHash('sha256').update(encodeToBytes(model)).digest('hex');
}

export function examplesFingerprint(examples: Examples): string {
  const hash = createHash('sha256');
  for (const { feeds, targets } of examples.all()) {
    for (const [name, tensor] of Object.entries(feeds)) {
      hash.update(`${name} ${tensor.dataType} ${tensor.shape}\n`);
      for (const chunk of tensor.chunks()) hash.update(chunk);
    }
    if (targets?.kind === 'classes') hash.update(targets.values);
  }
  return hash.digest('hex');
}
