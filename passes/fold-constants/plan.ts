// Which values to compute ahead: as late in the graph as possible, but never where storing the result costs more than it frees.
import type { Model, Node, TensorType, Value } from '../../src/ir/index.js';
import { bitsPerElement, byteLengthOf, type DataType, sizeOf } from '../../src/tensor/index.js';
import { constantTensor } from './constant-nodes.js';

export interface Plan {
  /** The values to store. */
  readonly values: readonly Value[];
  /** Nodes that stay although they depend on constants only, and why. */
  readonly skipped: ReadonlyMap<Node, string>;
}

/** Most bytes of results that are held at a time; what is larger is the engine's to compute when it loads the model. */
const mostBytes = 256 << 20;
/** A narrower weight of more elements is packed on purpose. */
const mostNarrowElements = 32;

const storable: ReadonlySet<DataType> = new Set<DataType>([
  'float32',
  'float64',
  'float16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
]);

/** `nodes` depend on constants only, producers before consumers; `types` tells what is known of their outputs. */
export function planFolding(
  model: Model,
  nodes: readonly Node[],
  types: ReadonlyMap<Value, TensorType>,
  maxGrowth: number,
): Plan {
  const values: Value[] = [];
  const skipped = new Map<Node, string>();
  const gone = new Set<Node>();
  const all = new Set(nodes);
  let bytes = 0;
  for (const node of nodes.toReversed()) {
    const needed = node.outputs.filter(
      (output): output is Value =>
        output !== null && (output.isGraphOutput || [...output.uses].some((use) => !gone.has(use.node))),
    );
    const stored = needed.reduce((sum, value) => sum + (storedBytes(types.get(value)) ?? 0), 0);
    const obstacle =
      needed.map((value) => whyNotStorable(value, types.get(value))).find((reason) => reason !== null) ??
      (needed.length > 0 ? whyNotWorthwhile(model, node, all, stored, maxGrowth) : null) ??
      (bytes + stored > mostBytes ? 'its value is too large to be computed ahead' : null);
    if (obstacle !== null) skipped.set(node, obstacle);
    else {
      gone.add(node);
      values.push(...needed);
      bytes += stored;
    }
  }
  return { values, skipped };
}

function whyNotStorable(value: Value, type: TensorType | undefined): string | null {
  if (value.isGraphOutput) return `it computes the graph output ${value.name}`;
  if (!type || storedBytes(type) === null) return `the size of ${value.name} is not known`;
  return storable.has(type.dataType) ? null : `its value is ${type.dataType}`;
}

function storedBytes(type: TensorType | undefined): number | null {
  if (!type?.shape?.every((dim): dim is number => typeof dim === 'number')) return null;
  return byteLengthOf(type.dataType, sizeOf(type.shape as readonly number[]));
}

function whyNotWorthwhile(
  model: Model,
  node: Node,
  nodes: ReadonlySet<Node>,
  stored: number,
  maxGrowth: number,
): string | null {
  const { freedBytes, isPacked } = whatItNeeds(model, node, nodes);
  const growth = stored - freedBytes;
  if (growth > 0 && isPacked)
    return `it unpacks a weight that is stored in fewer bits; storing it would add ${growth} bytes`;
  return growth > maxGrowth ? `storing its value would add ${growth} bytes` : null;
}

/** What `node` is computed from: the bytes of constants that nothing else uses, and whether a weight in a narrow type is among them. */
function whatItNeeds(model: Model, node: Node, nodes: ReadonlySet<Node>): { freedBytes: number; isPacked: boolean } {
  const own = new Set([node]);
  const onlyOwn = (value: Value): boolean => !value.isGraphOutput && [...value.uses].every((use) => own.has(use.node));
  const constants = new Set<Value>();
  // Grows while it is walked: a producer joins as soon as its last consumer has.
  for (const member of own) {
    for (const input of member.inputs) {
      if (!input) continue;
      const { producer } = input;
      if (constantTensor(model, input)) constants.add(input);
      else if (producer && nodes.has(producer) && producer.outputs.every((output) => !output || onlyOwn(output)))
        own.add(producer);
    }
  }
  let freedBytes = 0;
  let isPacked = false;
  for (const value of constants) {
    const tensor = constantTensor(model, value);
    if (!tensor) continue;
    if (onlyOwn(value)) freedBytes += tensor.byteLength;
    if (bitsPerElement(tensor.dataType) < 32 && tensor.dataType !== 'bool' && tensor.size > mostNarrowElements)
      isPacked = true;
  }
  return { freedBytes, isPacked };
}
