// The values behind the outputs of a classifier, before they became probabilities.
import type { Model, Value } from '../../ir/index.js';

/** The first output of floating point, or the value that a final Softmax along the last axis was made of. */
export function findLogits({ graph }: Model, name?: string): Value | null {
  const isFloat = ({ type }: Value): boolean => type?.kind !== 'tensor' || type.dataType === 'float32';
  const output = name === undefined ? graph.outputs.find(isFloat) : graph.outputs.find((value) => value.name === name);
  if (!output) return null;
  const { producer } = output;
  const final = producer?.is('Softmax', 'LogSoftmax') ? producer : null;
  return final?.input(0) ?? output;
}
