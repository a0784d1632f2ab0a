// Attributes of nodes (AttributeProto). Integers are kept as bigint and strings as bytes, as the file has them.
import type { Tensor } from '../tensor/index.js';
import type { Graph } from './graph.js';
import type { Opaque } from './opaque.js';

/** AttributeProto.AttributeType by its name in lower case. */
export type AttributeTypeName =
  | 'float'
  | 'int'
  | 'string'
  | 'tensor'
  | 'graph'
  | 'floats'
  | 'ints'
  | 'strings'
  | 'tensors'
  | 'graphs'
  | 'sparse_tensor'
  | 'sparse_tensors'
  | 'type_proto'
  | 'type_protos';

type AttributeValue =
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'int'; readonly value: bigint }
  | { readonly type: 'string'; readonly value: Uint8Array }
  | { readonly type: 'tensor'; readonly value: Tensor }
  | { readonly type: 'graph'; readonly value: Graph }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'ints'; readonly value: readonly bigint[] }
  | { readonly type: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly type: 'tensors'; readonly value: readonly Tensor[] }
  | { readonly type: 'graphs'; readonly value: readonly Graph[] }
  /** In a function body: takes the value of the function's attribute `value`. */
  | { readonly type: 'reference'; readonly value: string; readonly valueType: AttributeTypeName | null }
  /** Sparse tensors, types and whatever a newer ONNX adds: only in `opaque`. */
  | { readonly type: 'opaque'; readonly value: null };

export type Attribute = AttributeValue & {
  /** What the codec read beside the value (doc string, unknown fields); it goes back into the file untouched. */
  readonly opaque?: Opaque;
};

export function intAttribute(value: number | bigint): Attribute {
  return { type: 'int', value: BigInt(value) };
}

export function intsAttribute(values: readonly (number | bigint)[]): Attribute {
  return { type: 'ints', value: values.map(BigInt) };
}

export function floatAttribute(value: number): Attribute {
  return { type: 'float', value };
}

export function stringAttribute(value: string): Attribute {
  return { type: 'string', value: new TextEncoder().encode(value) };
}

export function tensorAttribute(value: Tensor): Attribute {
  return { type: 'tensor', value };
}

/** The subgraphs an attribute holds. */
export function graphsOf(attribute: Attribute): readonly Graph[] {
  if (attribute.type === 'graph') return [attribute.value];
  return attribute.type === 'graphs' ? attribute.value : [];
}
