// Initial states of recurrent operators that are zeros: what LSTM, GRU and RNN begin with where none is given. Exporters build them from the batch
// of the input.
import type { Model, Node, Value } from '../../src/ir/index.js';

/** Operators that only move the elements of their first input. */
const moving: ReadonlySet<string> = new Set([
  'Slice',
  'Expand',
  'Tile',
  'Reshape',
  'Transpose',
  'Unsqueeze',
  'Squeeze',
  'Identity',
  'Cast',
]);
/** Inputs that are initial states. */
const states = [5, 6] as const;
const mostSteps = 8;

/** The inputs of `node` that are initial states of zeros. */
export function zeroStates(node: Node, model: Model): number[] {
  if (!node.is('LSTM', 'GRU', 'RNN')) return [];
  return states.filter((index) => {
    const state = node.input(index);
    return state !== null && isZero(state, model);
  });
}

function isZero(state: Value, model: Model): boolean {
  let value: Value | null = state;
  for (let step = 0; value && step < mostSteps; step++) {
    const constant = model.constantOf(value);
    if (constant) return constant.readNumbers().every((element) => element === 0);
    const node: Node | null = value.producer;
    if (node?.is('ConstantOfShape')) {
      const fill = node.attributes.tensor('value');
      return fill === null || fill.readNumbers().every((element) => element === 0);
    }
    value = node?.domain === '' && moving.has(node.opType) ? node.input(0) : null;
  }
  return false;
}
