// Removes the words that texts do not use from the embeddings, and from the matrix that scores words.
import { inferProvenTypes, type LinearOperator, readBias, readRows, weightBytes } from '../../src/analysis/index.js';
import type { Observer } from '../../src/calibration/index.js';
import type { Model, Value } from '../../src/ir/index.js';
import { definePass, type PassContext } from '../../src/pass/index.js';
import { type Tensor, takeTensor } from '../../src/tensor/index.js';
import { chooseWords, remapping, type WordChoice } from './choose-words.js';
import { findVocabulary, type Vocabulary } from './find-vocabulary.js';
import { nearestRows } from './nearest-rows.js';
import { type Options, options } from './options.js';
import { shrinkVocabulary, type WordScores } from './shrink.js';
import { specialTokens } from './special-tokens.js';

/** What the tables that keep inputs and outputs as they are take in the file, names and nodes included. */
const bytesOfTables = 1000;

export const pruneVocabulary = definePass({
  name: 'prune-vocabulary',
  kind: 'prune',
  summary: 'Removes embeddings of words that the texts do not use, also where they score words.',
  options,
  needs: ['samples'],
  async run(model, options, context) {
    const { record } = context;
    const vocabulary = findVocabulary(model, new Set(context.targets()));
    const ranks = typeof vocabulary === 'string' ? vocabulary : await ranksOf(vocabulary, model, context);
    if (typeof vocabulary === 'string' || typeof ranks === 'string') {
      record.skipped('the model', `${typeof vocabulary === 'string' ? vocabulary : ranks}`);
      return;
    }
    const special = options.tokenizer === undefined ? new Set<number>() : specialTokens(options.tokenizer);
    const { counts, scores } = await observeWords(vocabulary, ranks, model, context);
    const goes = wordsToGo(options, vocabulary, model);
    const choice = chooseWords(counts, special, goes, options.minCount);
    const [embedding] = vocabulary.embeddings;
    if (choice.gone.length * bytesOfWord(vocabulary) <= fixedBytes(vocabulary)) {
      record.skipped(
        embedding,
        `only ${choice.gone.length} of its ${vocabulary.size} words could go, which saves nothing`,
      );
      return;
    }
    if (options.tokenizer === undefined) {
      record.warn(
        'Without a tokenizer, special tokens that the data does not use are not known (--tokenizer tokenizer.json).',
      );
    }
    if (goes !== null && choice.gone.length < goes) {
      record.metric('targetMissed', 1);
      record.warn(`The target cannot be met: ${choice.kept.length} words have to stay, special tokens among them.`);
    }
    const rows = remapping(choice, await substitutesOf(vocabulary, choice, context));
    shrinkVocabulary(model, vocabulary, choice, rows, scores);
    record.attach('vocabulary.json', describe(vocabulary, choice, rows));
    for (const node of vocabulary.embeddings) record.changed(node, `${vocabulary.size} → ${choice.kept.length} words`);
    for (const { node } of vocabulary.heads)
      record.changed(node, `scores ${choice.kept.length} of ${vocabulary.size} words`);
    record.metric('remainingWords', choice.kept.length);
  },
});

/** How many axes the scores have; the reason where that cannot be told, or where operators that put them back are missing. */
async function ranksOf(
  { heads }: Vocabulary,
  model: Model,
  { engine }: PassContext,
): Promise<Map<LinearOperator, number> | string> {
  const ranks = new Map<LinearOperator, number>();
  if (heads.length === 0) return ranks;
  if ((model.opsetImports.get('') ?? 1) < 11) return 'its opset is older than 11, in which Pad is another operator';
  const types = await inferProvenTypes(model, engine);
  for (const head of heads) {
    const rank = types.get(head.output)?.shape?.length;
    if (rank === undefined) return `the shape of the scores ${head.output.name} cannot be told`;
    ranks.set(head, rank);
  }
  return ranks;
}

/** How often each word occurs, and the mean score of each word by operator that scores them. */
async function observeWords(
  { size, embeddings, heads }: Vocabulary,
  ranks: ReadonlyMap<LinearOperator, number>,
  model: Model,
  context: PassContext,
): Promise<{ counts: Float64Array; scores: Map<LinearOperator, WordScores> }> {
  const words = new WordCounter(size);
  const inputs = heads.map((head) => [head, new MeanRow(head.rowLength)] as const);
  const ids = new Set(embeddings.map((node) => node.input(1)!));
  const wanted: (readonly [Value, Observer])[] = [...ids].map((value) => [value, words]);
  for (const [head, mean] of inputs) wanted.push([head.input, mean]);
  await context.observe(wanted);
  const scores = new Map(
    inputs.map(([head, mean]) => [head, { rank: ranks.get(head)!, means: meanScores(head, mean.mean, model) }]),
  );
  return { counts: words.counts, scores };
}

class WordCounter implements Observer {
  readonly counts: Float64Array;

  constructor(size: number) {
    this.counts = new Float64Array(size);
  }

  observe(tensor: Tensor): void {
    const size = this.counts.length;
    for (const id of tensor.readNumbers()) {
      const word = id < 0 ? id + size : id;
      if (word >= 0 && word < size) this.counts[word]++;
    }
  }
}

class MeanRow implements Observer {
  private readonly sum: Float64Array;
  private count = 0;

  constructor(width: number) {
    this.sum = new Float64Array(width);
  }

  observe(tensor: Tensor): void {
    const values = tensor.readFloat32();
    for (let at = 0; at < values.length; at++) this.sum[at % this.sum.length] += values[at];
    this.count += values.length / this.sum.length;
  }

  get mean(): Float64Array {
    return this.sum.map((sum) => sum / Math.max(this.count, 1));
  }
}

/** W·mean(x) + b. */
function meanScores(head: LinearOperator, mean: Float64Array, model: Model): Float32Array {
  const rows = readRows(head);
  const scores = readBias(head, model) ?? new Float32Array(head.outputChannels);
  for (let word = 0; word < scores.length; word++) {
    let score = 0;
    for (let at = 0; at < mean.length; at++) score += rows[word * mean.length + at] * mean[at];
    scores[word] += score;
  }
  return scores;
}

async function substitutesOf(
  { tensor }: Vocabulary,
  { kept, gone }: WordChoice,
  { products }: PassContext,
): Promise<Int32Array> {
  const [left, right] = [kept, gone].map((ids) => takeTensor(tensor, [[...ids], null]).readFloat32());
  return nearestRows(left, right, tensor.shape[1], products);
}

/** How many words go, where a target says so. */
function wordsToGo({ ratio, targetBytes }: Options, vocabulary: Vocabulary, model: Model): number | null {
  if (ratio !== undefined) return Math.floor(ratio * vocabulary.size);
  if (targetBytes === undefined) return null;
  const tooMuch = weightBytes(model) + fixedBytes(vocabulary) - targetBytes;
  return Math.min(vocabulary.size, Math.max(0, Math.ceil(tooMuch / bytesOfWord(vocabulary))));
}

function bytesOfWord({ tensor, table, heads }: Vocabulary): number {
  const own = heads.filter(({ weight }) => weight.value !== table);
  return own.reduce(
    (bytes, { weight }) =>
      bytes + (weight.tensor.byteLength / weight.tensor.size) * (weight.tensor.size / tensor.shape[0]),
    tensor.byteLength / tensor.shape[0],
  );
}

/** Of the tables of rows, places and mean scores. */
function fixedBytes({ size, heads }: Vocabulary): number {
  return 4 * size * (1 + 2 * heads.length) + bytesOfTables;
}

/** What became of the words: the file that is written beside the model. */
function describe({ size, table }: Vocabulary, { kept, gone }: WordChoice, rows: Int32Array): string {
  return `${JSON.stringify({
    schema: 'dsopt.vocabulary/1',
    table: table.name,
    words: size,
    rows: kept.length,
    kept: [...kept],
    replaced: [...gone].map((id) => [id, kept[rows[id]]]),
  })}\n`;
}
