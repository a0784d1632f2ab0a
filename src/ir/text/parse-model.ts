// Text in the syntax of onnx.parser → Model. Meant for test cases and small models; what a text cannot say, files can.
import type { Attribute } from '../attribute.js';
import { type LocalFunction, Model } from '../model.js';
import { Scope } from '../scope.js';
import { GraphParser } from './parse-graph.js';
import type { ElidedTensors } from './parse-tensor.js';
import { TextReader } from './text-reader.js';

export interface ParseOptions {
  /** Supplies tensors whose elements are written as `{...}`; without it such a text is an error. */
  readonly elided?: ElidedTensors;
}

/** Throws MODEL_INVALID with line and column. The header's `domain`, `model_version` and `doc_string` are not kept. */
export function parseModel(text: string, options: ParseOptions = {}): Model {
  const reader = new TextReader(text);
  const header = parseHeader(reader);
  const model = new Model(new GraphParser(reader, new Scope(), options.elided).graph());
  model.irVersion = header.irVersion ?? model.irVersion;
  model.producerName = header.strings.get('producer_name') ?? '';
  model.producerVersion = header.strings.get('producer_version') ?? '';
  for (const [domain, version] of header.opsetImports) model.opsetImports.set(domain, version);
  for (const [key, value] of header.metadataProps) model.metadataProps.set(key, value);
  while (reader.peek() !== '') model.functions.push(parseFunction(reader, options));
  return model;
}

function parseFunction(reader: TextReader, options: ParseOptions): LocalFunction {
  const { strings, opsetImports } = parseHeader(reader);
  const parser = new GraphParser(reader, new Scope(), options.elided);
  const name = reader.name();
  const attributes: string[] = [];
  const attributeDefaults: Record<string, Attribute> = {};
  if (reader.matches('<')) {
    reader.list('>', () => {
      const attribute = reader.name();
      if (reader.peek() === ':' || reader.peek() === '=') attributeDefaults[attribute] = parser.attribute(attribute);
      else attributes.push(attribute);
    });
  }
  const body = parser.rest(name);
  const domain = strings.get('domain') ?? '';
  const overload = strings.get('overload') ?? '';
  return { domain, name, overload, attributes, attributeDefaults, opsetImports, body, opaque: null };
}

interface Header {
  irVersion: number | null;
  readonly opsetImports: Map<string, number>;
  readonly metadataProps: Map<string, string>;
  readonly strings: Map<string, string>;
}

/** `<ir_version: 10, opset_import: ["" : 21]>`; may be left out. */
function parseHeader(reader: TextReader): Header {
  const header: Header = { irVersion: null, opsetImports: new Map(), metadataProps: new Map(), strings: new Map() };
  if (reader.matches('<')) reader.list('>', () => parseHeaderEntry(reader, header));
  return header;
}

function parseHeaderEntry(reader: TextReader, header: Header): void {
  const key = reader.identifier();
  reader.expect(':');
  switch (key) {
    case 'ir_version':
      header.irVersion = Number(reader.integer());
      break;
    case 'model_version':
      reader.integer();
      break;
    case 'opset_import':
      reader.expect('[');
      reader.list(']', () => {
        const domain = reader.string();
        reader.expect(':');
        header.opsetImports.set(domain === 'ai.onnx' ? '' : domain, Number(reader.integer()));
      });
      break;
    case 'metadata_props':
      reader.expect('[');
      reader.list(']', () => {
        const name = reader.string();
        reader.expect(':');
        header.metadataProps.set(name, reader.string());
      });
      break;
    case 'producer_name':
    case 'producer_version':
    case 'domain':
    case 'doc_string':
    case 'overload':
      header.strings.set(key, reader.string());
      break;
    default:
      throw reader.failure(`${key} is no part of a header`);
  }
}
