// A model as text, in the syntax of onnx.parser and onnx.printer (https://onnx.ai/onnx/repo-docs/Syntax.html).
import type { LocalFunction, Model } from '../model.js';
import { formatAttribute, formatGraph, formatRest, type Layout } from './format-graph.js';
import { quote, quoteName } from './words.js';

export interface FormatOptions {
  /**
   * Tensors with more elements are written as `{...}`, which onnx.parser does not read (`parseModel` does with its option `elided`).
   * Default 16; Infinity writes, and reads, every weight.
   */
  readonly maxElements?: number;
}

/**
 * The model as text that `parseModel` and onnx.parser read back, as far as nothing is elided: documentation, sparse initializers and
 * other parts that the IR only carries along are not in it, and attributes that hold a type or a sparse tensor are written as `...`.
 */
export function formatModel(model: Model, options: FormatOptions = {}): string {
  const layout: Layout = { maxElements: options.maxElements ?? 16, indent: '' };
  const header = [`ir_version: ${model.irVersion}`, `opset_import: ${formatOpsets(model.opsetImports)}`];
  if (model.producerName !== '') header.push(`producer_name: ${quote(model.producerName)}`);
  if (model.producerVersion !== '') header.push(`producer_version: ${quote(model.producerVersion)}`);
  if (model.metadataProps.size > 0) {
    const entries = [...model.metadataProps].map(([key, value]) => `${quote(key)}: ${quote(value)}`);
    header.push(`metadata_props: [${entries.join(', ')}]`);
  }
  const functions = model.functions.map((local) => `${formatFunction(local, layout)}\n`);
  return `<\n  ${header.join(',\n  ')}\n>\n${formatGraph(model.graph, layout)}\n${functions.join('')}`;
}

function formatFunction(local: LocalFunction, layout: Layout): string {
  const header = [`domain: ${quote(local.domain)}`];
  if (local.overload !== '') header.push(`overload: ${quote(local.overload)}`);
  header.push(`opset_import: ${formatOpsets(local.opsetImports)}`);
  const attributes = [
    ...local.attributes.map(quoteName),
    ...Object.entries(local.attributeDefaults).map(([name, value]) => formatAttribute(name, value, layout)),
  ];
  const names = (values: typeof local.body.inputs): string[] => values.map(({ name }) => quoteName(name));
  const signature = attributes.length > 0 ? ` <${attributes.join(', ')}>` : '';
  const inputs = names(local.body.inputs).join(', ');
  const rest = formatRest(local.body, names(local.body.outputs), layout);
  return `<\n  ${header.join(',\n  ')}\n>\n${quoteName(local.name)}${signature} (${inputs}) ${rest}`;
}

function formatOpsets(opsets: ReadonlyMap<string, number>): string {
  return `[${[...opsets].map(([domain, version]) => `${quote(domain)} : ${version}`).join(', ')}]`;
}
