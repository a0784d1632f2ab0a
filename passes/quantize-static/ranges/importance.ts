// What an error of an activation costs where it is used: the squares of the weights that each of its channels meets.
import { type LinearOperator, readRows } from '../../../src/analysis/index.js';
import type { Node, Value } from '../../../src/ir/index.js';

export interface ChannelImportance {
  readonly axis: number;
  readonly weights: Float64Array;
}

/** They leave every element in its channel. */
const channelKeeping = ['MaxPool', 'AveragePool', 'LeakyRelu', 'Relu', 'Clip', 'Sigmoid', 'Resize'];

/** Sums over the linear operators that take the value, directly or after operators that keep its channels; null where there is none. */
export function importanceOf(value: Value, linears: ReadonlyMap<Node, LinearOperator>): ChannelImportance | null {
  let sum: ChannelImportance | null = null;
  for (const { node, index } of value.uses) {
    const operator = linears.get(node);
    const own = operator
      ? index === operator.inputIndex
        ? importanceOfInput(operator)
        : null
      : node.is(...channelKeeping) && index === 0
        ? importanceOf(node.output, linears)
        : null;
    if (own === null) continue;
    if (sum === null) sum = own;
    else if (sum.axis !== own.axis || sum.weights.length !== own.weights.length) return null;
    else for (const [channel, weight] of own.weights.entries()) sum.weights[channel] += weight;
  }
  return sum;
}

/** Sums of squares of the weights by input channel. */
function importanceOfInput(operator: LinearOperator): ChannelImportance {
  const { kind, rowLength, outputChannels, groups } = operator;
  const rows = readRows(operator);
  const elements =
    kind === 'conv' ? operator.weight.shape.slice(2).reduce((product, length) => product * length, 1) : 1;
  const perGroup = rowLength / elements;
  const weights = new Float64Array(perGroup * groups);
  for (let channel = 0, i = 0; channel < outputChannels; channel++) {
    const first = Math.floor((channel * groups) / outputChannels) * perGroup;
    for (let within = 0; within < rowLength; within++, i++) {
      weights[first + Math.floor(within / elements)] += rows[i] * rows[i];
    }
  }
  return { axis: kind === 'conv' ? 1 : -1, weights };
}
