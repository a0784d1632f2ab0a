import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chooseWords } from '../../../passes/prune-vocabulary/choose-words.js';
import { pruneVocabulary } from '../../../passes/prune-vocabulary/index.js';
import { specialTokens } from '../../../passes/prune-vocabulary/special-tokens.js';
import { compressFile } from '../../../src/compress-file.js';
import type { Feeds } from '../../../src/engine/index.js';
import { cloneModel, type Model, verifyModel } from '../../../src/ir/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { type PassReport, runPass } from '../../../src/pass/index.js';
import { resolveRecipe } from '../../../src/recipe/index.js';
import { int64Tensor } from '../../../src/tensor/index.js';
import { randomModel } from '../../analysis/channel-groups/removal.js';
import { engine, outputsOf } from '../../fixture-models.js';
import { temporaryFolder } from '../../temporary-folder.js';

const folder = temporaryFolder();
const header = '<ir_version: 10, opset_import: ["" : 17]>';
const words = 300;

/** A language model that scores words with the table of its embeddings, and adds a bias. */
function languageModel(size = words): Model {
  return randomModel(`${header} graph (int64[n,s] ids) => (float[n,s,${size}] y) <float[${size},16] table = {...}, float[16,16] w = {...}, float[${size}] b = {...}> {
    x = Gather (table, ids) h = MatMul (x, w) t = Transpose <perm = [1,0]> (table) z = MatMul (h, t) y = Add (z, b)
  }`);
}

/** Texts of even words below 100. */
function texts(input = 'ids'): AsyncIterable<Feeds> {
  return {
    async *[Symbol.asyncIterator]() {
      for (let text = 0; text < 10; text++)
        yield { [input]: ids(text * 10, text * 10 + 2, text * 10 + 4, text * 10 + 6, text * 10 + 8) };
    },
  };
}

function ids(...numbers: number[]) {
  return int64Tensor([1, numbers.length], numbers);
}

async function prune(model: Model, options: object = {}): Promise<{ model: Model; report: PassReport }> {
  const copy = cloneModel(model);
  const { signal } = new AbortController();
  const environment = { original: model, engine, workers: inlineWorkers, samples: texts(), signal, seed: 0 };
  return { model: copy, report: await runPass(copy, pruneVocabulary, options, environment) };
}

test('words that texts do not use go; scores of the others stay what they were, in their places', async () => {
  const model = languageModel();
  const { model: pruned, report } = await prune(model);
  verifyModel(pruned);
  expect(report.changed.map(({ what }) => what)).toEqual(['300 → 50 words', 'scores 50 of 300 words']);
  const table = [...pruned.graph.initializers].find(({ name }) => name === 'table')!;
  expect(table.constant!.shape).toEqual([50, 16]);
  for (const shape of [
    [1, 4],
    [2, 2],
  ]) {
    const feeds = { ids: int64Tensor(shape, [0, 42, 98, 6]) };
    const [before, after] = [(await outputsOf(model, feeds)).y, (await outputsOf(pruned, feeds)).y];
    expect(after.shape).toEqual(before.shape);
    const [a, b] = [before.readFloat32(), after.readFloat32()];
    for (let at = 0; at < a.length; at++) {
      const word = at % words;
      if (word < 100 && word % 2 === 0) expect(b[at]).toBeCloseTo(a[at], 4);
      // A word that is gone scores the same everywhere.
      else expect(b[at]).toBeCloseTo(b[word], 4);
    }
  }
});

test('a word that is gone is read as the one most like it, which the file beside the model tells', async () => {
  const model = languageModel();
  const table = [...model.graph.initializers].find(({ name }) => name === 'table')!;
  const values = Float32Array.from(table.constant!.readFloat32());
  // Word 201 points where word 44 does.
  for (let at = 0; at < 16; at++) values[201 * 16 + at] = 3 * values[44 * 16 + at];
  const { float32Tensor } = await import('../../../src/tensor/index.js');
  table.constant = float32Tensor([words, 16], values);
  const { model: pruned, report } = await prune(model);
  const outputs = await Promise.all(
    [201, 44].map(async (id) => [...(await outputsOf(pruned, { ids: ids(id) })).y.readFloat32()]),
  );
  expect(outputs[0]).toEqual(outputs[1]);
  const [{ suffix, text }] = report.attachments!;
  expect(suffix).toBe('vocabulary.json');
  const told = JSON.parse(text);
  expect([told.words, told.rows, told.kept.slice(0, 3)]).toEqual([300, 50, [0, 2, 4]]);
  expect(told.replaced).toContainEqual([201, 44]);
});

test('only embeddings, of a classifier; a share of the words, the rarest first', async () => {
  const model =
    randomModel(`${header} graph (int64[n,s] ids) => (float[n,s,3] y) <float[${words},16] table = {...}, float[16,3] w = {...}> {
    c = Cast <to = 6> (ids) x = Gather (table, c) y = MatMul (x, w)
  }`);
  const { model: pruned, report } = await prune(model, { ratio: 0.8 });
  expect(report.changed.map(({ what }) => what)).toEqual(['300 → 60 words']);
  expect((await outputsOf(pruned, { ids: ids(8, 16) })).y.bytes()).toEqual(
    (await outputsOf(model, { ids: ids(8, 16) })).y.bytes(),
  );
});

test('a matrix of scores of its own shrinks too, and what leads to the output is kept', async () => {
  const model =
    randomModel(`${header} graph (int64[n,s] ids) => (float[n,s,${words}] p) <float[${words},16] table = {...}, float[16,${words}] w = {...}> {
    x = Gather (table, ids) y = MatMul (x, w) p = Softmax <axis = -1> (y)
  }`);
  const { model: pruned, report } = await prune(model);
  expect(report.changed).toHaveLength(2);
  expect([...pruned.graph.initializers].find(({ name }) => name === 'w')!.constant!.shape).toEqual([16, 50]);
  const sum = (await outputsOf(pruned, { ids: ids(3) })).p.readFloat32().reduce((a, b) => a + b, 0);
  expect(sum).toBeCloseTo(1, 4);
});

test('what saves nothing, or is used otherwise, stays with the reason', async () => {
  expect((await prune(languageModel(120), { ratio: 0.1 })).report.skipped[0].reason).toMatch(
    /only 12 of its 120 words could go, which saves nothing/,
  );
  const shared =
    randomModel(`${header} graph (int64[n,s] ids) => (float[n,s,16] y) <float[${words},16] table = {...}, int64[1] axes = {0}> {
    x = Gather (table, ids) m = ReduceMean (table) y = Add (x, m)
  }`);
  expect((await prune(shared)).report.skipped).toEqual([
    { target: 'the model', reason: 'table is used by ReduceMean m too' },
  ]);
});

test('special tokens stay, and a target beyond them is said to be missed', async () => {
  const tokenizer = join(folder, 'tokenizer.json');
  writeFileSync(
    tokenizer,
    JSON.stringify({
      added_tokens: [{ id: 299, content: '[MASK]' }],
      padding: { pad_id: 1 },
      model: { unk_token: '[UNK]', vocab: { '[UNK]': 3 } },
    }),
  );
  const { report } = await prune(languageModel(), { tokenizer });
  expect(JSON.parse(report.attachments![0].text).kept).toEqual(
    [...Array.from({ length: 50 }, (_, i) => 2 * i), 1, 3, 299].sort((a, b) => a - b),
  );
  const { report: missed } = await prune(languageModel(), { tokenizer, targetBytes: 100 });
  expect(missed.metrics.targetMissed).toBe(1);
  expect(missed.metrics.remainingWords).toBe(3);
  expect(missed.warnings[0]).toMatch(/cannot be met: 3 words have to stay/);
  writeFileSync(join(folder, 'bad.json'), '{"added_tokens": 3}');
  await expect(prune(languageModel(), { tokenizer: join(folder, 'bad.json') })).rejects.toMatchObject({
    code: 'USAGE',
  });
});

const gpt2 = new URL('../../../../shared/data/tokenizers/gpt2-tokenizer.json', import.meta.url).pathname;
test.skipIf(!existsSync(gpt2))('the tokenizer of GPT-2 (../shared)', () => {
  expect([...specialTokens(gpt2)]).toEqual([50256]);
});

test('rarest first, later ones before earlier ones, and one word always stays', () => {
  const counts = Float64Array.of(5, 0, 2, 0, 1);
  expect([...chooseWords(counts, new Set(), 3, 1).gone]).toEqual([1, 3, 4]);
  expect([...chooseWords(counts, new Set([3]), null, 2).gone]).toEqual([1, 4]);
  expect([...chooseWords(counts, new Set(), 5, 1).kept]).toEqual([0]);
});

test('the file is written beside the model', async () => {
  const output = join(folder, 'small.onnx');
  const recipe = await resolveRecipe(
    { version: 1, steps: [{ pass: pruneVocabulary }] },
    { passes: [pruneVocabulary], folder: '.' },
  );
  const options = { command: 'prune', samples: texts(), measure: false, workers: inlineWorkers } as const;
  await compressFile(languageModel(), output, recipe, options);
  expect(existsSync(output)).toBe(true);
  expect(JSON.parse(readFileSync(join(folder, 'small.vocabulary.json'), 'utf8')).schema).toBe('dsopt.vocabulary/1');
});
