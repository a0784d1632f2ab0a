import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DataOptions, type ModelInterface, openDataset } from '../../src/data/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { collect, modelInterface, type Shapes } from './model-interfaces.js';
import { wordPiece } from './tiny-tokenizers.js';

const root = temporaryFolder();
const tokenizer = write('tokenizer.json', JSON.stringify(wordPiece));

function write(name: string, text: string): string {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
}

const bertInputs: Shapes = { input_ids: ['int64', ['N', 'T']], attention_mask: ['int64', ['N', 'T']] };
const bert = modelInterface(bertInputs, { logits: ['float32', ['N', 2]] });
const withTypes = modelInterface({
  ...bertInputs,
  token_type_ids: ['int32', ['N', 'T']],
  position_ids: ['int64', ['N', 'T']],
});

async function read(path: string, options: DataOptions = {}, model: ModelInterface = bert, batch = 1) {
  const dataset = await openDataset(path, { tokenizer, ...options }, model);
  const samples = await collect(dataset.samples(batch));
  const feed = (name: string) => samples.map(({ feeds }) => feeds[name].readNumbers());
  const labels = samples.flatMap(({ targets }) => (targets?.kind === 'classes' ? [...targets.values] : [null]));
  return { dataset, samples, feed, labels };
}

it('the token for hidden words is the one of the tokenizer', async () => {
  const hiding = {
    ...wordPiece,
    added_tokens: [...wordPiece.added_tokens, { ...wordPiece.added_tokens[0], id: 12, content: '[MASK]' }],
  };
  const path = write('hidden.tsv', 'label\tsentence\n1\tgood film\n');
  expect((await read(path)).dataset.maskToken).toBeNull();
  const options = { tokenizer: write('hiding.json', JSON.stringify(hiding)) };
  expect((await read(path, options)).dataset.maskToken).toBe(12);
});

describe('records', () => {
  it('of .tsv have a header where it says so', async () => {
    const { feed, labels } = await read(write('header.tsv', 'label\tsentence\n1\tgood film\n0\tvery bad\r\n'));
    expect(feed('input_ids')).toEqual([
      [2, 4, 6, 3],
      [2, 7, 5, 3],
    ]);
    expect(feed('attention_mask')[0]).toEqual([1, 1, 1, 1]);
    expect(labels).toEqual([1, 0]);
  });

  it('of .tsv without one are told apart by the number', async () => {
    const { feed, labels } = await read(write('plain.tsv', 'good film\t1\n"bad"\t0\n'));
    expect(labels).toEqual([1, 0]);
    expect(feed('input_ids')).toEqual([
      [2, 4, 6, 3],
      [2, 1, 5, 1, 3],
    ]);
  });

  it('of .csv may be quoted, with commas and line ends', async () => {
    const { feed, labels } = await read(write('a.csv', '\uFEFFtext,label\n"good, ""very""\ngood",0\nbad,1'));
    expect(feed('input_ids')).toEqual([
      [2, 4, 1, 1, 7, 1, 4, 3],
      [2, 5, 3],
    ]);
    expect(labels).toEqual([0, 1]);
  });

  it('of .jsonl may have labels that are names', async () => {
    const path = write('names.jsonl', '{"text":"good","label":"pos"}\n\n{"text":"bad","label":"neg"}\n');
    const { dataset, labels } = await read(path);
    expect(dataset.classNames).toEqual(['neg', 'pos']);
    expect(labels).toEqual([1, 0]);
  });

  it('of .jsonl may hold the inputs themselves', async () => {
    const path = write('inputs.jsonl', '{"input_ids":[5,6],"attention_mask":[1,1],"label":1}\n');
    expect((await read(path)).feed('input_ids')).toEqual([[5, 6]]);
  });

  it('of numbers that are not whole are right outputs', async () => {
    const { samples } = await read(write('scores.csv', 'text,label\ngood,3.5\n'));
    expect(samples[0].targets).toMatchObject({ kind: 'tensors' });
  });

  it('come from columns that the options name', async () => {
    const path = write('columns.csv', 'id,body,verdict\n7,good,1\n');
    const { feed, labels } = await read(path, { textColumn: 'body', labelColumn: 'verdict' });
    expect([feed('input_ids')[0], labels]).toEqual([[2, 4, 3], [1]]);
    await expect(read(path, { textColumn: 'bodies' })).rejects.toThrow(/no column bodies/);
  });
});

describe('tokens', () => {
  it('feed what the model wants, in the types it wants', async () => {
    const { samples, feed } = await read(write('types.tsv', 'text\nwonderful film\n'), {}, withTypes);
    expect(samples[0].feeds.token_type_ids.dataType).toBe('int32');
    expect(feed('input_ids')).toEqual([[2, 11, 10, 6, 3]]);
    expect(feed('position_ids')).toEqual([[0, 1, 2, 3, 4]]);
  });

  it('are cut before the special ones are added', async () => {
    const { feed } = await read(write('long.tsv', 'text\ngood good bad film\n'), { maxLength: 4 });
    expect(feed('input_ids')).toEqual([[2, 4, 4, 3]]);
  });

  it('of pairs are cut where the text is longer', async () => {
    const path = write('pair.tsv', 'sentence1\tsentence2\ngood good good good\tbad bad\n');
    const whole = await read(path, {}, withTypes);
    expect(whole.feed('input_ids')).toEqual([[2, 4, 4, 4, 4, 3, 5, 5, 3]]);
    expect(whole.feed('token_type_ids')).toEqual([[0, 0, 0, 0, 0, 0, 1, 1, 1]]);
    expect((await read(path, { maxLength: 8 }, withTypes)).feed('input_ids')).toEqual([[2, 4, 4, 4, 3, 5, 5, 3]]);
    expect((await read(path, { maxLength: 6 }, withTypes)).feed('input_ids')).toEqual([[2, 4, 4, 3, 5, 3]]);
  });

  it('are padded for a model of fixed length, when asked, and in batches', async () => {
    const path = write('ragged.tsv', 'text\ngood\nvery bad film\n');
    const fixed = modelInterface({ input_ids: ['int64', [1, 4]], attention_mask: ['int64', [1, 4]] });
    const padded = await read(path, {}, fixed);
    expect(padded.feed('input_ids')).toEqual([
      [2, 4, 3, 0],
      [2, 7, 5, 3],
    ]);
    expect((await read(path, { pad: true, maxLength: 6 })).feed('attention_mask')[0]).toEqual([1, 1, 1, 0, 0, 0]);
    const batched = await read(path, {}, bert, 2);
    expect(batched.feed('input_ids')).toEqual([[2, 4, 3, 0, 0, 2, 7, 5, 6, 3]]);
    expect(batched.feed('attention_mask')).toEqual([[1, 1, 1, 0, 0, 1, 1, 1, 1, 1]]);
  });

  it('of different length go into batches of their own without a mask', async () => {
    const path = write('no-mask.tsv', 'text\ngood\nvery bad film\n');
    const { samples } = await read(path, {}, modelInterface({ input_ids: ['int64', ['N', 'T']] }), 2);
    expect(samples.map(({ count }) => count)).toEqual([1, 1]);
  });
});

describe('what does not fit', () => {
  it('a model without token ids', async () => {
    const vision = modelInterface({ pixels: ['float32', ['N', 3, 8, 8]] });
    await expect(read(write('vision.tsv', 'text\na\n'), {}, vision)).rejects.toThrow(
      /no input for token ids: pixels: float32\[N,3,8,8\]/,
    );
  });

  it('text without a tokenizer', async () => {
    await expect(openDataset(write('none.tsv', 'text\na\n'), {}, bert)).rejects.toThrow(/there is no tokenizer/);
  });

  it('an input that texts do not feed', async () => {
    const more = modelInterface({ ...bertInputs, pixel_values: ['float32', ['N', 3]] });
    await expect(read(write('more.tsv', 'text\na\n'), {}, more)).rejects.toThrow(
      /Input pixel_values: float32\[N,3\] is not in the data/,
    );
  });

  it('a record with other columns', async () => {
    await expect(read(write('broken.tsv', 'label\ttext\n1\tgood\n0\tbad\tfilm\n'))).rejects.toThrow(
      /Record 2 .* has 3 columns/,
    );
  });
});
