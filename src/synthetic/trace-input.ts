// Follows a graph input through operators that hand its elements on, to what the operators at the end ask of them.

import type { Dimension, Graph, Model, Node, TensorType, Value } from '../ir/index.js';
import { byOperator } from '../ops/index.js';
import { type Demand, type DemandContext, demandOf } from './operand-demands.js';

/** Types and shapes of values, as `Engine.inferTypes` gives them. */
export type InferredTypes = ReadonlyMap<Value, TensorType>;

/** Operators whose outputs hold elements of these inputs. */
const carriedInputs: Readonly<Record<string, readonly number[] | 'all'>> = {
  Abs: [0],
  Cast: [0],
  CastLike: [0],
  Clip: [0],
  Compress: [0],
  Concat: 'all',
  Dropout: [0],
  Expand: [0],
  Flatten: [0],
  Gather: [0],
  GatherElements: [0],
  GatherND: [0],
  Identity: [0],
  Max: 'all',
  Min: 'all',
  Pad: [0],
  Reshape: [0],
  ScatterElements: [0, 2],
  ScatterND: [0, 2],
  Slice: [0],
  Split: [0],
  Squeeze: [0],
  Tile: [0],
  Transpose: [0],
  Trilu: [0],
  Unsqueeze: [0],
  Where: [1, 2],
};
/** Those that keep order and number of the elements, so that a vector arrives as it is. */
const orderKeeping: ReadonlySet<string> = new Set(['Cast', 'CastLike', 'Identity', 'Dropout']);

/** An element x of the input is `scale`·x + `offset` in the value. */
interface Step {
  readonly value: Value;
  readonly scale: number;
  readonly offset: number;
  readonly ordered: boolean;
  /** The node that called each function body on the way. */
  readonly callers: ReadonlyMap<Graph, Node>;
}

/** What the consumers of `input` ask of its elements, nearest first. */
export function traceInput(model: Model, input: Value, types: InferredTypes | null): Demand[] {
  return new InputTrace(model, types).demands(input);
}

class InputTrace {
  private readonly model: Model;
  private readonly types: InferredTypes | null;

  constructor(model: Model, types: InferredTypes | null) {
    this.model = model;
    this.types = types;
  }

  demands(input: Value): Demand[] {
    const found: Demand[] = [];
    const seen = new Set<Value>([input]);
    const queue: Step[] = [{ value: input, scale: 1, offset: 0, ordered: true, callers: new Map() }];
    for (const step of queue) {
      for (const { node, index } of step.value.uses) {
        const demand = demandOf(index, this.context(node, index));
        if (demand) found.push(...adjust(demand, step));
      }
      for (const next of this.next(step)) {
        if (seen.has(next.value)) continue;
        seen.add(next.value);
        queue.push(next);
      }
    }
    return found;
  }

  private *next(step: Step): Iterable<Step> {
    for (const { node, index } of step.value.uses) {
      const carried = node.domain === '' ? byOperator(carriedInputs, node.opType) : undefined;
      if (carried === 'all' || carried?.includes(index)) {
        const ordered = step.ordered && orderKeeping.has(node.opType);
        for (const output of node.outputs) if (output) yield { ...step, value: output, ordered };
      } else if (node.is('Add', 'Sub', 'Mul')) yield* this.arithmetic(step, node, index);
      else yield* this.enter(step, node, index);
    }
    yield* this.leave(step);
  }

  /** Position tables often start at an offset, segments are numbered in steps. */
  private *arithmetic(step: Step, node: Node, index: number): Iterable<Step> {
    const constant = this.constantNumbers(node.input(1 - index));
    if (!constant || constant.length === 0 || (node.is('Sub') && index === 1)) return;
    const most = Math.max(...constant);
    const { scale, offset } = step;
    const changed = node.is('Mul')
      ? { scale: scale * most, offset: offset * most }
      : { scale, offset: node.is('Add') ? offset + most : offset - Math.min(...constant) };
    yield { ...step, ...changed, value: node.output, ordered: false };
  }

  /** Into the bodies of Loop and Scan and into local functions. */
  private *enter(step: Step, node: Node, index: number): Iterable<Step> {
    if (node.is('Loop', 'Scan')) {
      const inner = node.subgraphs()[0]?.inputs[index];
      if (inner) yield { ...step, value: inner, ordered: false };
      return;
    }
    const local = this.model.functions.find(
      ({ domain, name, overload }) => domain === node.domain && name === node.opType && overload === node.overload,
    );
    const inner = local?.body.inputs[index];
    if (local && inner) yield { ...step, value: inner, callers: new Map(step.callers).set(local.body, node) };
  }

  /** Out of subgraphs and functions that give the value. */
  private *leave(step: Step): Iterable<Step> {
    for (const graph of step.value.outputOf) {
      const parent = graph.parent ?? step.callers.get(graph);
      if (!parent) continue;
      const index = graph.outputs.indexOf(step.value) - (parent.is('Loop') ? 1 : 0);
      const outer = parent.outputs[index];
      if (outer) yield { ...step, value: outer, ordered: false };
    }
  }

  private context(node: Node, index: number): DemandContext {
    const operand = this.shapeOf(node.input(index));
    return {
      node,
      input: (other) => this.shapeOf(node.input(other)),
      output: (other) => this.shapeOf(node.outputs[other] ?? null),
      constant: (other) => this.constantNumbers(node.input(other)),
      length: operand?.length === 1 && typeof operand[0] === 'number' ? operand[0] : 1,
    };
  }

  private shapeOf(value: Value | null): readonly Dimension[] | null {
    if (!value) return null;
    const type = this.types?.get(value) ?? value.type;
    return value.constant?.shape ?? (type?.kind === 'tensor' ? type.shape : null);
  }

  private constantNumbers(value: Value | null): number[] | null {
    const constant =
      value?.constant ?? (value?.producer?.is('Constant') ? value.producer.attributes.tensor('value') : null);
    if (!constant || constant.size > 64) return null;
    if (constant.dataType === 'float32' || constant.dataType === 'float16') return Array.from(constant.readFloat32());
    return /^u?int(8|16|32|64)$/.test(constant.dataType) ? constant.readNumbers() : null;
  }
}

function adjust(demand: Demand, { scale, offset, ordered }: Step): Demand[] {
  if (demand.kind === 'exactly') return ordered ? [demand] : [];
  if (demand.kind !== 'below' || (scale === 1 && offset === 0)) return [demand];
  if (typeof demand.limit !== 'number' || !(scale > 0)) return [];
  return [{ kind: 'below', limit: Math.max(1, Math.floor((demand.limit - 1 - offset) / scale) + 1) }];
}
