// Weights that a pass before stored as integers to be restored when the model is loaded (Cast → Mul), taken over as they are: adaround rounds, this
// pass adds the activations.
import { type LinearOperator, readBias, readRows } from '../../../src/analysis/index.js';
import type { Model, Node, Value } from '../../../src/ir/index.js';
import { unpackSigned } from '../../../src/numeric/index.js';
import { dropUnused } from '../../../src/rewrite/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import type { RoundedConvolution } from './round-weights.js';

export interface TakenWeight {
  /** In the order of the stored tensor. */
  readonly integers: Int8Array;
  /** One an output channel. */
  readonly scale: Float32Array;
  readonly bits: 8 | 4;
}

export class TakenWeights {
  readonly byNode = new Map<Node, TakenWeight>();
  private readonly restored = new Map<Node, Value>();

  /** Lets the nodes take such weights as float constants for now. */
  static take(model: Model, nodes: Iterable<Node>): TakenWeights {
    const taken = new TakenWeights();
    for (const node of nodes) {
      const value = node.graph === model.graph ? node.input(1) : null;
      const found = value && integersOf(value, node, model);
      if (!found) continue;
      const { integers, scale, shape, inner } = found;
      const values = Float32Array.from(integers, (integer, i) => integer * scale[Math.floor(i / inner) % scale.length]);
      node.replaceInput(1, model.graph.addInitializer(`${value.name}_float`, float32Tensor(shape, values)));
      taken.byNode.set(node, found);
      taken.restored.set(node, value);
    }
    return taken;
  }

  /** Gives back what is not quantized further, and drops the rest. */
  settle(model: Model, quantized: ReadonlySet<Node>): void {
    for (const [node, value] of this.restored) {
      if (quantized.has(node)) dropChain(model, value);
      else {
        const float = node.input(1)!;
        node.replaceInput(1, value);
        dropUnused(model, model.graph, [float]);
      }
    }
  }
}

/** A weight that was taken over, as if it had been rounded here; `operator` takes it as float constant. */
export function roundedBefore(
  operator: LinearOperator,
  { integers, scale, bits }: TakenWeight,
  model: Model,
): RoundedConvolution {
  const { outputChannels: rows, rowLength: columns } = operator;
  const values = readRows(operator);
  const bias = readBias(operator, model)!;
  const bounds = bits === 4 ? { minimum: -8, maximum: 7 } : { minimum: -127, maximum: 127 };
  const ordered = Int8Array.from(rowsOf(operator, integers));
  const techniques = [`its ${bits}-bit weight as it was`];
  return {
    operator,
    weights: { values, rows, columns, scale, bounds },
    integers: ordered,
    bias,
    originalBias: bias,
    techniques,
    verdicts: [],
  };
}

/** The elements of the stored tensor as rows. */
function rowsOf({ kind, node, outputChannels, rowLength }: LinearOperator, stored: Int8Array): Int8Array {
  if (kind === 'conv' || node.attributes.int('transB', 0) !== 0) return stored;
  return stored.map((_, i) => stored[(i % rowLength) * outputChannels + Math.floor(i / rowLength)]);
}

/** Cast and Mul on constants that nothing takes any more. */
function dropChain(model: Model, value: Value): void {
  const { producer } = value;
  if (value.isUsed || !producer) return;
  const inputs = [...producer.inputs];
  model.graph.remove(producer);
  for (const input of inputs) if (input) dropChain(model, input);
  dropUnused(model, model.graph, inputs);
}

interface Found extends TakenWeight {
  readonly shape: readonly number[];
  /** Elements behind the axis of the output channels. */
  readonly inner: number;
}

function integersOf(value: Value, node: Node, model: Model): Found | null {
  const { producer } = value;
  if (!producer?.is('Mul') || value.uses.size !== 1 || value.isGraphOutput) return null;
  const cast = producer.input(0)?.producer;
  const stored = cast?.is('Cast') ? model.constantOf(cast.input(0)) : null;
  const scale = model.constantOf(producer.input(1));
  if (!stored || scale?.dataType !== 'float32' || !['int8', 'int4'].includes(stored.dataType)) return null;
  const { shape } = stored;
  const axis = node.is('Conv') || node.attributes.int('transB', 0) !== 0 ? 0 : 1;
  const channels = shape[axis];
  const expected = shape.map((length, index) => (index === axis ? length : 1));
  if (scale.size !== channels || String(scale.shape) !== String(expected)) return null;
  return {
    integers:
      stored.dataType === 'int4'
        ? unpackSigned(stored.read() as Uint8Array, 4, stored.size)
        : Int8Array.from(stored.read() as Int8Array),
    scale: Float32Array.from(scale.readFloat32()),
    bits: stored.dataType === 'int4' ? 4 : 8,
    shape,
    inner: shape.slice(axis + 1).reduce((product, length) => product * length, 1),
  };
}
