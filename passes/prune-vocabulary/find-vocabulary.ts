// Where the words of a model live: tables of embeddings that token ids choose rows of (Gather), and matrices that score every word, which may
// be the same table (Press & Wolf, "Using the Output Embedding to Improve Language Models", 2017).
import { type LinearOperator, linearOperator } from '../../src/analysis/index.js';
import type { Model, Node, Value } from '../../src/ir/index.js';
import { isFloat, type Tensor } from '../../src/tensor/index.js';

export interface Vocabulary {
  /** Words. */
  readonly size: number;
  readonly table: Value;
  readonly tensor: Tensor;
  /** Gathers of the table by token ids. */
  readonly embeddings: readonly Node[];
  /** Operators with one score a word. */
  readonly heads: readonly LinearOperator[];
}

/** Smaller tables hold segments or the like. */
const passesIdsOn: ReadonlySet<string> = new Set(['Cast', 'Identity', 'Squeeze', 'Unsqueeze', 'Reshape', 'Slice']);
const mostSteps = 8;

/** The largest table that token ids choose from; the reason where there is none that can shrink. */
export function findVocabulary(model: Model, wanted: ReadonlySet<Node>): Vocabulary | string {
  const tables = new Map<Value, Node[]>();
  for (const node of model.graph.nodes()) {
    const table = node.is('Gather') && node.attributes.int('axis', 0) === 0 ? node.input(0) : null;
    const tensor = table && model.constantOf(table);
    if (!table || !tensor || !isFloat(tensor.dataType) || tensor.shape.length !== 2 || !wanted.has(node)) continue;
    if (comesFromIds(node.input(1), model)) tables.set(table, [...(tables.get(table) ?? []), node]);
  }
  const sizeOf = (value: Value): number => model.constantOf(value)!.shape[0];
  const [table] = [...tables.keys()].sort((a, b) => sizeOf(b) - sizeOf(a));
  if (!table) return 'it has no table of embeddings that token ids choose from';
  const tensor = model.constantOf(table)!;
  const embeddings = tables.get(table)!;
  const heads = scoringOperators(model, table, tensor.shape[0]);
  if (typeof heads === 'string') return heads;
  const tied = heads.filter(({ weight }) => weight.value === table);
  const reached = new Set([...embeddings, ...tied.map(({ node, weight }) => weight.path.at(-1) ?? node)]);
  for (const { node } of table.uses) {
    if (!reached.has(node)) return `${table.name} is used by ${node.opType} ${node.name || node.output.name} too`;
  }
  if (table.isGraphOutput || !model.graph.initializers.has(table)) return `${table.name} is no plain weight`;
  return { size: tensor.shape[0], table, tensor, embeddings, heads };
}

/** Whether an input of the model, hardly changed, chooses rows. */
function comesFromIds(value: Value | null, { graph }: Model): boolean {
  for (let step = 0, current = value; current && step < mostSteps; step++) {
    if (graph.inputs.includes(current)) return !current.isInitializer;
    const node: Node | null = current.producer;
    if (node?.domain !== '' || !passesIdsOn.has(node.opType)) return false;
    current = node.input(0);
  }
  return false;
}

/** Matrices with the table as weight, and others with as many scores near an output. */
function scoringOperators(model: Model, table: Value, size: number): LinearOperator[] | string {
  const heads: LinearOperator[] = [];
  for (const node of model.graph.nodes()) {
    const operator = linearOperator(node, model);
    if (operator === null || typeof operator === 'string') continue;
    const tied = operator.weight.value === table;
    if (!tied && (operator.outputChannels !== size || !leadsOut(operator.output))) continue;
    if (operator.kind !== 'matrix' || operator.outputChannels !== size) {
      return `${table.name} is a weight of ${node.opType} ${node.name || node.output.name} in another way`;
    }
    if (!tied && !operator.ownsWeight) continue;
    heads.push(operator);
  }
  return heads;
}

/** Whether a few nodes of one input lead to an output of the model. */
function leadsOut(start: Value): boolean {
  let current = start;
  for (let step = 0; step < mostSteps; step++) {
    if (current.isGraphOutput) return true;
    if (current.uses.size !== 1) return false;
    const [{ node }] = current.uses;
    if (!node.outputs[0]) return false;
    current = node.outputs[0];
  }
  return false;
}
