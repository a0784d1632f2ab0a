// Takes rows of words out of a model: a small table of numbers in front of the embeddings turns token ids into rows, and scores are put back in
// the places of all words, so that inputs and outputs of the model stay what they were.
import type { LinearOperator } from '../../src/analysis/index.js';
import { intAttribute, type Model } from '../../src/ir/index.js';
import { dropUnused } from '../../src/rewrite/index.js';
import {
  castTensor,
  float32Tensor,
  int64Tensor,
  MemoryTensor,
  type Tensor,
  takeTensor,
} from '../../src/tensor/index.js';
import type { WordChoice } from './choose-words.js';
import type { Vocabulary } from './find-vocabulary.js';

export interface WordScores {
  /** Axes of the scores; the last one has one for each word. */
  readonly rank: number;
  /** The mean score of every word, which those that are gone keep. */
  readonly means: Float32Array;
}

/** `rows`: see `remapping`. `scores`: by operator that scores words. */
export function shrinkVocabulary(
  model: Model,
  vocabulary: Vocabulary,
  choice: WordChoice,
  rows: Int32Array,
  scores: ReadonlyMap<LinearOperator, WordScores>,
): void {
  const { graph } = model;
  const { table, embeddings, heads } = vocabulary;
  const kept = [...choice.kept];
  const remap = graph.addInitializer(`${table.name}_rows`, int32Tensor(rows));
  for (const node of embeddings) {
    const looked = graph.insertBefore(node, { opType: 'Gather', inputs: [remap, node.input(1)] });
    node.replaceInput(1, looked.output);
  }
  const tied = new Set(heads.filter(({ weight }) => weight.value === table));
  for (const head of heads) {
    const { weight, node } = head;
    if (!tied.has(head)) {
      const axis = weight.permutation[node.attributes.int('transB', 0) !== 0 ? 0 : 1];
      weight.value.constant = takeTensor(
        weight.tensor,
        weight.tensor.shape.map((_, at) => (at === axis ? kept : null)),
      );
    }
    shrinkBias(model, head, kept);
    for (const step of weight.path) step.output.type = null;
    const { rank, means } = scores.get(head)!;
    spreadScores(model, head, rank, choice, means);
  }
  table.constant = takeTensor(vocabulary.tensor, [kept, null]);
}

function shrinkBias(model: Model, { biasSlot, outputChannels }: LinearOperator, kept: readonly number[]): void {
  const value = biasSlot?.node.input(biasSlot.index) ?? null;
  const tensor = value && model.constantOf(value);
  if (!biasSlot || !tensor || tensor.size !== outputChannels) return;
  const shape = tensor.shape.map((length) => (length === outputChannels ? kept : null));
  biasSlot.node.replaceInput(
    biasSlot.index,
    model.graph.addInitializer(`${value.name}_kept`, takeTensor(tensor, shape)),
  );
  dropUnused(model, model.graph, [value]);
}

/** Scores of the words that are left → scores of all words: a zero is put behind them, and everyone picks its own or the zero. */
function spreadScores(
  model: Model,
  { node, output, weight }: LinearOperator,
  rank: number,
  { kept, gone }: WordChoice,
  means: Float32Array,
): void {
  const { graph } = model;
  const users = [...output.uses];
  const end = output.producer!;
  const pads = graph.addInitializer(
    `${output.name}_pads`,
    int64Tensor(
      [2 * rank],
      Array.from({ length: 2 * rank }, (_, at) => (at === 2 * rank - 1 ? 1 : 0)),
    ),
  );
  const places = new Int32Array(kept.length + gone.length).fill(kept.length);
  for (const [row, id] of kept.entries()) places[id] = row;
  const offsets = new Float32Array(places.length);
  for (const id of gone) offsets[id] = means[id];
  const picks = graph.addInitializer(`${output.name}_places`, int32Tensor(places));
  const missing = graph.addInitializer(
    `${output.name}_missing`,
    castTensor(float32Tensor([offsets.length], offsets), weight.dataType),
  );
  const padded = graph.insertAfter(end, { opType: 'Pad', inputs: [output, pads] });
  const picked = graph.insertAfter(padded, {
    opType: 'Gather',
    inputs: [padded.output, picks],
    attributes: { axis: intAttribute(-1) },
  });
  const spread = graph.insertAfter(picked, { opType: 'Add', inputs: [picked.output, missing] });
  if (output.isGraphOutput) output.replaceAllUsesWith(spread.output);
  else for (const { node: user, index } of users) user.replaceInput(index, spread.output);
  padded.replaceInput(0, output);
  for (const value of [node.output, output]) value.type = null;
}

function int32Tensor(values: Int32Array): Tensor {
  return new MemoryTensor(
    'int32',
    [values.length],
    new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  );
}
