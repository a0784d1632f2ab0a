// Inputs (and labels) as NumPy arrays: an .npz file with one array an input, a single .npy, a folder of .npy files named after
// the inputs, or a folder of .npz files, whose shapes may differ from file to file. The first axis counts the examples.
import { readdirSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import type { Feeds } from '../../engine/index.js';
import { usageError } from '../../errors.js';
import { FileSource, MemoryTensor, type Tensor } from '../../tensor/index.js';
import type { ParsedDataOptions } from '../data-options.js';
import type { ModelInterface, Targets } from '../dataset.js';
import { formatInput } from '../fit.js';
import { example, type IndexedSource } from '../source.js';
import { type NpyArray, openNpy } from './npy.js';
import { type OpenedArrays, openNpz } from './npz.js';

/** Names of arrays that hold the answers, where no output is called so. */
const labelNames = ['labels', 'label', 'targets', 'target', 'y'];

export async function openArrays(
  path: string,
  _options: ParsedDataOptions,
  model: ModelInterface,
): Promise<IndexedSource> {
  const files = await openFiles(path);
  const groups = files.map(({ arrays }) => assign(arrays, model, path));
  const ends: number[] = [];
  for (const { size } of groups) ends.push((ends.at(-1) ?? 0) + size);
  return {
    kind: 'arrays',
    noun: `rows of ${path}`,
    size: ends.at(-1) ?? 0,
    async read(index) {
      const group = ends.findIndex((end) => index < end);
      return [groups[group].read(index - (ends[group - 1] ?? 0))];
    },
    async close() {
      for (const file of files) await file.close();
    },
  };
}

async function openFiles(path: string): Promise<readonly OpenedArrays[]> {
  const keep = async (): Promise<void> => {};
  const openArray = (file: string): NpyArray => openNpy(basename(file, extname(file)), FileSource.open(file));
  if (statSync(path).isFile()) {
    return [extname(path).toLowerCase() === '.npy' ? { arrays: [openArray(path)], close: keep } : await openNpz(path)];
  }
  const names = readdirSync(path).sort();
  const archives = names.filter((name) => name.endsWith('.npz'));
  const opened: OpenedArrays[] = [];
  for (const name of archives) opened.push(await openNpz(join(path, name)));
  if (opened.length > 0) return opened;
  return [
    { arrays: names.filter((name) => name.endsWith('.npy')).map((name) => openArray(join(path, name))), close: keep },
  ];
}

function assign(arrays: readonly NpyArray[], model: ModelInterface, path: string) {
  const inputs = new Map<string, NpyArray>();
  const outputs = new Map<string, NpyArray>();
  const rest: NpyArray[] = [];
  for (const array of arrays) {
    if (model.inputs.some(({ name }) => name === array.name)) inputs.set(array.name, array);
    else if (model.outputs.some(({ name }) => name === array.name)) outputs.set(array.name, array);
    else rest.push(array);
  }
  const labels = rest.find(({ name }) => labelNames.includes(name)) ?? null;
  const unnamed = rest.filter((array) => array !== labels);
  // One array for one input needs no name.
  if (inputs.size === 0 && unnamed.length === 1 && model.inputs.length === 1)
    inputs.set(model.inputs[0].name, unnamed[0]);
  if (inputs.size === 0) {
    const names = arrays.map(({ name }) => name).join(', ');
    throw usageError(
      `${path} has no array for an input of the model: it has ${names || 'none'}, the model takes ${model.inputs.map(formatInput).join(', ')}`,
      'Name the arrays after the inputs.',
    );
  }
  const used = [...inputs.values(), ...outputs.values(), ...(labels ? [labels] : [])];
  const [size] = used.map(({ shape }) => shape[0] ?? 1);
  for (const { name, shape } of used) {
    if (shape.length === 0 || shape[0] !== size) {
      throw usageError(`The array ${name} of ${path} has the shape [${shape}], and others have ${size} rows`);
    }
  }
  return {
    size,
    read(row: number) {
      const feeds: Record<string, Tensor> = {};
      for (const [name, array] of inputs) feeds[name] = withBatchAxis(array.row(row), name, model);
      return example(feeds, readTargets(row, labels, outputs, model));
    },
  };
}

/** A row has lost the first axis; it becomes an axis of 1 again unless the input has one axis less. */
function withBatchAxis(row: Tensor, name: string, model: ModelInterface): Tensor {
  const rank = model.inputs.find((input) => input.name === name)?.type?.shape?.length;
  return rank === row.shape.length ? row : reshaped(row, [1, ...row.shape]);
}

function reshaped(tensor: Tensor, shape: readonly number[]): Tensor {
  return new MemoryTensor(tensor.dataType, shape, tensor.read());
}

function readTargets(
  row: number,
  labels: NpyArray | null,
  outputs: ReadonlyMap<string, NpyArray>,
  model: ModelInterface,
): Targets | null {
  if (outputs.size > 0) {
    const tensors: Feeds = Object.fromEntries(
      [...outputs].map(([name, array]) => {
        const tensor = array.row(row);
        return [name, reshaped(tensor, [1, ...tensor.shape])];
      }),
    );
    return { kind: 'tensors', tensors };
  }
  if (!labels) return null;
  const answer = labels.row(row);
  if (/^(u?int|bool)/.test(labels.dataType)) {
    return { kind: 'classes', perExample: answer.size, values: Int32Array.from(answer.readNumbers()), text: null };
  }
  const [output] = model.outputs;
  return { kind: 'tensors', tensors: { [output.name]: reshaped(answer, [1, ...answer.shape]) } };
}
