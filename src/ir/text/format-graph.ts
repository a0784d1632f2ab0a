// Graphs and nodes in ONNX's text syntax.
import type { Attribute } from '../attribute.js';
import type { Graph } from '../graph.js';
import type { Node } from '../node.js';
import type { Value } from '../value.js';
import { formatElements, formatFloat32, quoteBytes } from './format-tensor.js';
import { formatShape, formatType } from './format-type.js';
import { elementTypeName, quote, quoteName } from './words.js';

/** How a graph is written. */
export interface Layout {
  /** Tensors with more elements are written as `{...}`. */
  readonly maxElements: number;
  /** Blanks before each line. */
  readonly indent: string;
}

/** `name (inputs) => (outputs) <initializers and value types> { nodes }`, without indent before the first line. */
export function formatGraph(graph: Graph, layout: Layout): string {
  const inputs = graph.inputs.map(formatTyped).join(', ');
  return `${quoteName(graph.name)} (${inputs}) ${formatRest(graph, graph.outputs.map(formatTyped), layout)}`;
}

/** What follows the inputs, of a graph or of a function. */
export function formatRest(graph: Graph, outputs: readonly string[], layout: Layout): string {
  const inner = { ...layout, indent: `${layout.indent}  ` };
  const declarations = [
    ...[...graph.initializers].map((value) => formatInitializer(value, layout)),
    ...typedValues(graph).map(formatTyped),
  ];
  const nodes = [...graph.nodes()].map((node) => `${inner.indent}${formatNode(node, inner)}\n`);
  const declared =
    declarations.length > 0 ? ` <\n${inner.indent}${declarations.join(`,\n${inner.indent}`)}\n${layout.indent}>` : '';
  return `=> (${outputs.join(', ')})${declared} {\n${nodes.join('')}${layout.indent}}`;
}

/** What nodes compute, as far as its type is known and not told among the outputs. */
function typedValues(graph: Graph): Value[] {
  const computed = [...graph.nodes()].flatMap((node) => node.outputs.filter((output) => output !== null));
  return computed.filter((value) => formatType(value.type) !== '' && !graph.outputs.includes(value));
}

function formatTyped(value: Value): string {
  const type = formatType(value.type);
  return type === '' ? quoteName(value.name) : `${type} ${quoteName(value.name)}`;
}

function formatInitializer(value: Value, { maxElements }: Layout): string {
  const tensor = value.constant!;
  const type = `${elementTypeName(tensor.dataType)}${formatShape(tensor.shape)}`;
  return `${type} ${quoteName(value.name)} = ${formatElements(tensor, maxElements)}`;
}

export function formatNode(node: Node, layout: Layout): string {
  const name = node.name === '' ? '' : `[${quoteName(node.name)}] `;
  const outputs = node.outputs.map((output) => quoteName(output?.name ?? '')).join(', ');
  const operator = `${formatDomain(node.domain)}${quoteName(node.opType)}${node.overload && `:${node.overload}`}`;
  const inputs = `(${node.inputs.map((input) => quoteName(input?.name ?? '')).join(', ')})`;
  const attributes = formatAttributes(node.attributes, layout);
  // Subgraphs go last, as onnx.printer has them.
  const [first, second] = node.subgraphs().length > 0 ? [inputs, attributes] : [attributes, inputs];
  return `${name}${outputs} = ${[operator, first, second].filter((part) => part !== '').join(' ')}`;
}

function formatDomain(domain: string): string {
  if (domain === '') return '';
  return domain.split('.').every((part) => quoteName(part) === part) ? `${domain}.` : `${quote(domain)}.`;
}

export function formatAttributes(attributes: Iterable<[string, Attribute]>, layout: Layout): string {
  const texts = [...attributes].map(([name, attribute]) => formatAttribute(name, attribute, layout));
  return texts.length > 0 ? `<${texts.join(', ')}>` : '';
}

export function formatAttribute(name: string, attribute: Attribute, layout: Layout): string {
  if (attribute.type === 'reference') {
    const type = attribute.valueType ? `: ${attribute.valueType}` : '';
    return `${quoteName(name)}${type} = @${quoteName(attribute.value)}`;
  }
  return `${quoteName(name)}: ${attribute.type} = ${formatAttributeValue(attribute, layout)}`;
}

function formatAttributeValue(attribute: Attribute, layout: Layout): string {
  const tensorText = (tensor: (Attribute & { type: 'tensor' })['value']): string =>
    `${elementTypeName(tensor.dataType)}${formatShape(tensor.shape)} ${formatElements(tensor, layout.maxElements)}`;
  const list = (texts: readonly string[]): string => `[${texts.join(', ')}]`;
  switch (attribute.type) {
    case 'float':
      return formatFloat32(attribute.value);
    case 'int':
      return String(attribute.value);
    case 'string':
      return quoteBytes(attribute.value);
    case 'tensor':
      return tensorText(attribute.value);
    case 'graph':
      return formatGraph(attribute.value, layout);
    case 'floats':
      return list(attribute.value.map(formatFloat32));
    case 'ints':
      return list(attribute.value.map(String));
    case 'strings':
      return list(attribute.value.map(quoteBytes));
    case 'tensors':
      return list(attribute.value.map(tensorText));
    case 'graphs':
      return list(attribute.value.map((graph) => formatGraph(graph, layout)));
    default:
      return '...';
  }
}
