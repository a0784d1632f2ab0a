// Attributes in ONNX's text syntax: `axis: int = 1`, or `axis = 1` with the type told by the value.
import type { Tensor } from '../../tensor/index.js';
import type { Attribute, AttributeTypeName } from '../attribute.js';
import type { Graph } from '../graph.js';
import { type ElidedTensors, parseTensor } from './parse-tensor.js';
import { nextIsType, parseType } from './parse-type.js';
import { floatOf, type TextReader } from './text-reader.js';

export interface AttributeParser {
  readonly reader: TextReader;
  readonly elided?: ElidedTensors;
  /** Reads a subgraph. */
  graph(): Graph;
}

const singleTypes = ['float', 'int', 'string', 'tensor', 'graph'] as const;
type SingleType = (typeof singleTypes)[number];
type Single = Extract<Attribute, { type: SingleType }>;

/** Reads what follows the name of an attribute. */
export function parseAttribute(parser: AttributeParser, name: string): Attribute {
  const { reader } = parser;
  const declared = reader.matches(':') ? parseAttributeType(reader) : null;
  reader.expect('=');
  if (reader.matches('@')) return { type: 'reference', value: reader.name(), valueType: declared };
  if (!reader.matches('[')) {
    if (declared !== null && !isSingle(declared)) throw reader.failure(`a list is expected for ${name}: ${declared}`);
    return parseSingle(parser, name, declared);
  }
  const wanted = declared === null ? null : singularOf(declared);
  if (declared !== null && wanted === null) throw reader.failure(`${name}: ${declared} cannot be a list`);
  const items: Single[] = [];
  reader.list(']', () => items.push(parseSingle(parser, name, wanted ?? items[0]?.type ?? null)));
  const type = wanted ?? items[0]?.type;
  if (type === undefined) throw reader.failure(`an empty list needs a type: ${name}: ints = []`);
  return listOf(type, items);
}

function parseAttributeType(reader: TextReader): AttributeTypeName {
  const word = reader.identifier();
  for (const type of singleTypes) {
    if (word === type) return type;
    if (word === `${type}s`) return `${type}s`;
  }
  for (const type of ['sparse_tensor', 'sparse_tensors', 'type_proto', 'type_protos'] as const) {
    if (word === type) return type;
  }
  throw reader.failure(`${word} is no type of attribute`);
}

function isSingle(type: AttributeTypeName): type is SingleType {
  return singleTypes.some((single) => single === type);
}

function singularOf(type: AttributeTypeName): SingleType | null {
  return singleTypes.find((single) => `${single}s` === type) ?? null;
}

function listOf(type: SingleType, items: readonly Single[]): Attribute {
  switch (type) {
    case 'float':
      return { type: 'floats', value: items.flatMap((item) => (item.type === 'float' ? [item.value] : [])) };
    case 'int':
      return { type: 'ints', value: items.flatMap((item) => (item.type === 'int' ? [item.value] : [])) };
    case 'string':
      return { type: 'strings', value: items.flatMap((item) => (item.type === 'string' ? [item.value] : [])) };
    case 'tensor':
      return { type: 'tensors', value: items.flatMap((item) => (item.type === 'tensor' ? [item.value] : [])) };
    case 'graph':
      return { type: 'graphs', value: items.flatMap((item) => (item.type === 'graph' ? [item.value] : [])) };
  }
}

/** One value; `wanted` null takes whatever comes. */
function parseSingle(parser: AttributeParser, name: string, wanted: SingleType | null): Single {
  const value = parseAny(parser, name, wanted);
  if (wanted !== null && value.type !== wanted) {
    throw parser.reader.failure(`${name} is a ${value.type} where ${wanted} is declared`);
  }
  return value;
}

function parseAny(parser: AttributeParser, name: string, wanted: SingleType | null): Single {
  const { reader } = parser;
  const word = reader.peekIdentifier();
  // A graph may be called like a type or a number, in quotes too; that is only read as a graph where one is declared.
  if (wanted === 'graph') return { type: 'graph', value: parser.graph() };
  if (word !== '' && nextIsType(reader)) return { type: 'tensor', value: parseTensorValue(parser, name) };
  if (word !== '' && !/^(inf|infinity|nan)$/i.test(word)) return { type: 'graph', value: parser.graph() };
  if (reader.peek() === '"') return { type: 'string', value: new TextEncoder().encode(reader.string()) };
  const literal = reader.number();
  if (literal.isInteger && wanted !== 'float') return { type: 'int', value: BigInt(literal.text) };
  return { type: 'float', value: Math.fround(floatOf(literal)) };
}

/** `float[2] {1, 2}`, where a name and `=` may stand before the elements. */
function parseTensorValue({ reader, elided }: AttributeParser, name: string): Tensor {
  const type = parseType(reader);
  const own = reader.peek() === '"' ? reader.string() : reader.optionalIdentifier();
  reader.matches('=');
  return parseTensor(reader, own || name, type, elided);
}
