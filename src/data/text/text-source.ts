// Labelled texts, or pairs of texts, in .tsv, .csv or .jsonl records. Records of .jsonl may also hold the inputs themselves.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { usageError } from '../../errors.js';
import { float32Tensor, MemoryTensor, type Tensor } from '../../tensor/index.js';
import type { ParsedDataOptions } from '../data-options.js';
import type { ModelInterface, Targets } from '../dataset.js';
import { integerTensor } from '../fit.js';
import { createLabelReader, isInteger, labelColumns, readClassNames } from '../labels.js';
import { flatten } from '../nested-array.js';
import { classTarget, example, type IndexedSource } from '../source.js';
import { column, openTable, type Table, type TableRecord } from '../table.js';
import { tokenInputs } from './token-inputs.js';
import { findTokenizer, openTokenizer } from './tokenizer.js';

const textColumns = [
  'text',
  'sentence',
  'content',
  'review',
  'sentence1',
  'premise',
  'question',
  'question1',
  'text_a',
  'query',
];
/** The second text that goes with each first one. */
const pairColumns: Readonly<Record<string, readonly string[]>> = {
  text: ['text_pair', 'text2'],
  sentence1: ['sentence2'],
  premise: ['hypothesis'],
  question: ['sentence', 'context', 'passage'],
  question1: ['question2'],
  text_a: ['text_b'],
  query: ['passage', 'document', 'text'],
};
const headerWords = [...textColumns, ...labelColumns, ...Object.values(pairColumns).flat()];

export async function openText(
  path: string,
  options: ParsedDataOptions,
  model: ModelInterface,
): Promise<IndexedSource> {
  const named = [options.textColumn, options.pairColumn, options.labelColumn].filter((name) => name !== undefined);
  const table = await openTable(path, [...headerWords, ...named.map((name) => name.toLowerCase())]);
  const labelColumn = column(table, 'label', options.labelColumn, labelColumns) ?? (await integerColumn(table));
  const readLabel = await labelTargets(table, labelColumn, options, model);
  const encode = table.columns.some((name) => model.inputs.some((input) => input.name === name))
    ? { feeds: (record: TableRecord) => arrayFeeds(record, model), padding: null, maskToken: null }
    : await textFeeds(table, labelColumn, options, model);
  return {
    kind: 'text',
    noun: `records of ${path}`,
    size: table.size,
    classNames: readLabel.classNames,
    padding: encode.padding,
    maskToken: encode.maskToken,
    async read(index) {
      const record = await table.read(index);
      return [example(encode.feeds(record), readLabel.targets(record, index))];
    },
  };
}

async function textFeeds(table: Table, labelColumn: string | null, options: ParsedDataOptions, model: ModelInterface) {
  const textColumn = findTextColumn(table, labelColumn, options);
  const candidates = pairColumns[textColumn.toLowerCase()] ?? [];
  const pairColumn = column(table, 'second text', options.pairColumn, candidates);
  const tokenizerPath = findTokenizer(options.tokenizer, model);
  if (tokenizerPath === null) {
    throw usageError(
      `${table.path} is text, and there is no tokenizer`,
      'Name the tokenizer.json of the model with --tokenizer.',
    );
  }
  const tokenizer = await openTokenizer(tokenizerPath);
  const inputs = tokenInputs(model, tokenizer.padId);
  const maxLength = options.maxLength ?? inputs.fixedLength ?? tokenizer.maxLength;
  const paddedLength = inputs.fixedLength ?? (options.pad ? maxLength : null);
  if (options.pad && paddedLength === null) throw usageError('--pad needs --max-length: the tokenizer does not say it');
  const text = (record: TableRecord, name: string): string => String(record[name] ?? '');
  return {
    padding: inputs.padding,
    maskToken: tokenizer.maskId,
    feeds(record: TableRecord) {
      const pair = pairColumn === null ? null : text(record, pairColumn);
      const { ids, typeIds } = tokenizer.encode(text(record, textColumn), pair, maxLength);
      return inputs.feeds(ids, typeIds, Math.max(ids.length, paddedLength ?? 0));
    },
  };
}

function findTextColumn(table: Table, labelColumn: string | null, { textColumn }: ParsedDataOptions): string {
  const found = column(table, 'text', textColumn, textColumns);
  if (found !== null) return found;
  const others = table.columns.filter((name) => name !== labelColumn);
  if (others.length === 1) return others[0];
  throw usageError(
    `${table.path} has no column of a name that texts have`,
    `Name it with --text-column: ${table.columns.join(', ')}.`,
  );
}

/** Of two columns without names, the one that begins with a whole number. */
async function integerColumn(table: Table): Promise<string | null> {
  if (table.columns.length !== 2 || table.size === 0) return null;
  const first = await table.read(0);
  const whole = table.columns.filter((name) => isInteger(first[name]));
  return whole.length === 1 ? whole[0] : null;
}

interface LabelTargets {
  readonly classNames: readonly string[] | null;
  targets(record: TableRecord, index: number): Targets | null;
}

async function labelTargets(
  table: Table,
  labelColumn: string | null,
  options: ParsedDataOptions,
  model: ModelInterface,
): Promise<LabelTargets> {
  if (labelColumn === null || table.size === 0) return { classNames: null, targets: () => null };
  const first = (await table.read(0))[labelColumn];
  if (Array.isArray(first)) return { classNames: null, targets: (record) => positionTargets(record[labelColumn]) };
  if (!isInteger(first) && first !== '' && Number.isFinite(Number(first))) {
    const [output] = model.outputs;
    const targets = (record: TableRecord): Targets => ({
      kind: 'tensors',
      tensors: { [output.name]: float32Tensor([1], [Number(record[labelColumn])]) },
    });
    return { classNames: null, targets };
  }
  const names = options.classNames === undefined ? configNames(model) : readClassNames(options.classNames);
  const labels: unknown[] = isInteger(first) ? [first] : await distinctLabels(table, labelColumn);
  const reader = createLabelReader(labels, names);
  return {
    classNames: reader.classNames,
    targets(record, index) {
      const label = reader.index(record[labelColumn], `record ${index + 1}`);
      if (label !== null && !Number.isInteger(label)) {
        throw usageError(
          `The label ${String(record[labelColumn])} of record ${index + 1} of ${table.path} is no class`,
        );
      }
      return label === null ? null : classTarget(label);
    },
  };
}

function positionTargets(labels: unknown): Targets {
  const values = Int32Array.from(labels as number[]);
  return { kind: 'classes', perExample: values.length, values, text: null };
}

async function distinctLabels(table: Table, labelColumn: string): Promise<unknown[]> {
  const labels = new Set<unknown>();
  for (let i = 0; i < table.size; i++) labels.add((await table.read(i))[labelColumn]);
  return [...labels];
}

/** The class names of config.json beside the model (`id2label`). */
function configNames({ folder }: ModelInterface): readonly string[] | null {
  const path = folder === null ? null : join(folder, 'config.json');
  if (path === null || !existsSync(path)) return null;
  const { id2label } = JSON.parse(readFileSync(path, 'utf8')) as { id2label?: Readonly<Record<string, string>> };
  if (!id2label) return null;
  return Object.keys(id2label).map((_, index) => id2label[index] ?? '');
}

/** Fields called like inputs: nested arrays of numbers, with a batch axis added. */
function arrayFeeds(record: TableRecord, model: ModelInterface): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const { name, type } of model.inputs) {
    if (record[name] === undefined || !type) continue;
    const { shape, values } = flatten(record[name]);
    const rank = type.shape?.length ?? shape.length + 1;
    const full = rank > shape.length ? [1, ...shape] : shape;
    feeds[name] = type.dataType.startsWith('float')
      ? new MemoryTensor('float32', full, Float32Array.from(values))
      : integerTensor(type.dataType, full, values);
  }
  return feeds;
}
