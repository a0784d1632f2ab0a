// LSTM, GRU and RNN step by step (Hochreiter and Schmidhuber 1997; Cho et al. 2014; Elman 1990), with the gate orders of ONNX (iofc, zrh). Default
// activations (of RNN also Relu and Sigmoid). Behind the end of a shorter sequence its state stays, and its outputs are zeros.
import type { Node, Value } from '../../ir/index.js';
import { MemoryTensor } from '../../tensor/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import type { Expansion } from './index.js';

interface Cell {
  /** Gates beside each other in the weights. */
  readonly gates: number;
  /** `x`: input times weights plus bias, [n, gates · hidden]; gives the state after the step, hidden state first. */
  step(b: GraphBuilder, x: Value, state: readonly Value[], direction: Direction): Value[];
}

interface Direction {
  readonly hidden: number;
  /** [hidden, gates · hidden]. */
  readonly recurrence: Value;
  /** [gates · hidden] of the recurrence, or null. */
  readonly recurrenceBias: Value | null;
  /** Peepholes [3 · hidden] in the order i, o, f, or null. */
  readonly peephole: Value | null;
  readonly linearBeforeReset: boolean;
  /** Of RNN: an operator. */
  readonly activation: string;
}

const lstm: Cell = {
  gates: 4,
  step(b, x, [h, c], { hidden, recurrence, recurrenceBias, peephole }) {
    const sum = b.add(x, withBias(b, b.matMul(h, recurrence), recurrenceBias));
    const gate = (index: number): Value => b.slice(sum, 1, index * hidden, (index + 1) * hidden);
    const peep = (index: number, state: Value): Value => {
      if (!peephole) return gate(index);
      return b.add(gate(index), b.mul(state, b.slice(peephole, 0, index * hidden, (index + 1) * hidden)));
    };
    const [input, forget] = [b.unary('Sigmoid', peep(0, c)), b.unary('Sigmoid', peep(2, c))];
    const cell = b.add(b.mul(forget, c), b.mul(input, b.unary('Tanh', gate(3))));
    return [b.mul(b.unary('Sigmoid', peep(1, cell)), b.unary('Tanh', cell)), cell];
  },
};

const gru: Cell = {
  gates: 3,
  step(b, x, [h], { hidden, recurrence, recurrenceBias, linearBeforeReset }) {
    const part = (value: Value, index: number): Value => {
      const axis = b.shapeOf(value).length - 1;
      return b.slice(value, axis, index * hidden, (index + 1) * hidden);
    };
    const product = withBias(b, b.matMul(h, recurrence), recurrenceBias);
    const update = b.unary('Sigmoid', b.add(part(x, 0), part(product, 0)));
    const reset = b.unary('Sigmoid', b.add(part(x, 1), part(product, 1)));
    const candidate = linearBeforeReset
      ? b.mul(reset, part(product, 2))
      : withBias(b, b.matMul(b.mul(reset, h), part(recurrence, 2)), recurrenceBias && part(recurrenceBias, 2));
    const fresh = b.unary('Tanh', b.add(part(x, 2), candidate));
    return [b.add(b.mul(b.sub(b.scalar(1), update), fresh), b.mul(update, h))];
  },
};

const rnn: Cell = {
  gates: 1,
  step(b, x, [h], { recurrence, recurrenceBias, activation }) {
    return [b.unary(activation, b.add(x, withBias(b, b.matMul(h, recurrence), recurrenceBias)))];
  },
};

function withBias(b: GraphBuilder, value: Value, bias: Value | null): Value {
  return bias ? b.add(value, bias) : value;
}

export const expandLstm: Expansion = (node, b) => expandRecurrent(node, b, lstm, [node.input(5), node.input(6)]);

export const expandGru: Expansion = (node, b) => expandRecurrent(node, b, gru, [node.input(5)]);

export const expandRnn: Expansion = (node, b) => expandRecurrent(node, b, rnn, [node.input(5)]);

/** Outputs of ONNX: all hidden states [length, directions, n, hidden], then the last of each state [directions, n, hidden]. */
function expandRecurrent(node: Node, b: GraphBuilder, cell: Cell, initial: readonly (Value | null)[]) {
  const { attributes } = node;
  const special = ['activations', 'clip', 'input_forget'].some(
    (name) => attributes.has(name) && !isDefault(node, name),
  );
  if (special || attributes.int('layout', 0) !== 0) return null;
  const [x, w, r] = [node.inputs[0]!, node.inputs[1]!, node.inputs[2]!];
  const [length, n] = b.shapeOf(x);
  const whole =
    node
      .input(4)
      ?.constant?.readNumbers()
      .every((own) => own === length) ?? false;
  const lengths = whole ? null : node.input(4);
  const among = lengths && Array.from({ length }, (_, t) => isBefore(b, t, lengths, n));
  const [directions, , hidden] = b.shapeOf(r);
  const backwardFirst = attributes.string('direction', 'forward') === 'reverse';
  const all: Value[] = [];
  const last: Value[][] = initial.map(() => []);
  for (let d = 0; d < directions; d++) {
    const own = (value: Value | null): Value | null => value && pick(b, value, d);
    const bias = own(node.input(3));
    const width = cell.gates * hidden;
    const inputBias = bias && b.slice(bias, 0, 0, width);
    const products = withBias(b, b.matMul(x, b.transpose(own(w)!, [1, 0])), inputBias);
    const direction: Direction = {
      hidden,
      recurrence: b.transpose(own(r)!, [1, 0]),
      recurrenceBias: bias && b.slice(bias, 0, width, 2 * width),
      peephole: cell === lstm ? own(node.input(7)) : null,
      linearBeforeReset: attributes.int('linear_before_reset', 0) === 1,
      activation: activationsOf(node)[d] ?? 'Tanh',
    };
    const order = [...Array(length).keys()];
    if (backwardFirst || d === 1) order.reverse();
    let state = initial.map((value) => own(value) ?? b.filled([n, hidden], 0));
    const outputs = new Array<Value>(length);
    for (const t of order) {
      const before = state;
      state = cell.step(b, b.reshape(b.slice(products, 0, t, t + 1), [n, width]), state, direction);
      let output = state[0];
      if (among) {
        const choose = (value: Value, other: Value): Value => b.op('Where', [among[t], value, other], [n, hidden]);
        output = choose(output, b.filled([n, hidden], 0));
        state = state.map((value, index) => choose(value, before[index]));
      }
      outputs[t] = b.reshape(output, [1, 1, n, hidden]);
    }
    all.push(b.concat(outputs, 0));
    for (const [index, value] of state.entries()) last[index].push(b.reshape(value, [1, n, hidden]));
  }
  return [b.concat(all, 1), ...last.map((values) => b.concat(values, 0))];
}

/** Whether step `t` belongs to each sequence: bool [n, 1]. */
function isBefore(b: GraphBuilder, t: number, lengths: Value, n: number): Value {
  const step = b.constant(new MemoryTensor('int32', [1], Int32Array.of(t)));
  return b.reshape(b.op('Less', [step, lengths], [n]), [n, 1]);
}

function isDefault(node: Node, name: string): boolean {
  if (name !== 'activations') return name === 'input_forget' && node.attributes.int(name, 0) === 0;
  if (node.opType === 'RNN') return activationsOf(node).every((word) => ['Tanh', 'Relu', 'Sigmoid'].includes(word));
  const usual = node.opType === 'LSTM' ? ['sigmoid', 'tanh', 'tanh'] : ['sigmoid', 'tanh'];
  return node.attributes.strings(name)!.every((word, index) => word.toLowerCase() === usual[index % usual.length]);
}

/** In ONNX's spelling, whatever the case. */
function activationsOf({ attributes }: Node): string[] {
  return (attributes.strings('activations') ?? []).map(
    (word) => `${word[0].toUpperCase()}${word.slice(1).toLowerCase()}`,
  );
}

/** Direction `d` of a value whose first axis is directions. */
function pick(b: GraphBuilder, value: Value, d: number): Value {
  const shape = b.shapeOf(value);
  return b.reshape(b.slice(value, 0, d, d + 1), shape.slice(1));
}
