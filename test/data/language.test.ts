import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ClassTargets, type DataOptions, openDataset } from '../../src/data/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { collect, modelInterface } from './model-interfaces.js';
import { byteLevel } from './tiny-tokenizers.js';

const root = temporaryFolder();

function write(name: string, text: string): string {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
}

const bytes = modelInterface({ input_ids: ['int64', ['N', 'T']] }, { logits: ['float32', ['N', 'T', 256]] });
const tokens = modelInterface({ input_ids: ['int64', ['N', 'T']] }, { logits: ['float32', ['N', 'T', 300]] });

async function read(path: string, options: DataOptions, model = bytes) {
  const samples = await collect((await openDataset(path, options, model)).samples());
  return samples.map(({ feeds, targets }) => {
    const { values, text } = targets as ClassTargets;
    return { ids: feeds.input_ids.readNumbers(), next: [...values], text: text?.[0] };
  });
}

const letters = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));

describe('bytes', () => {
  it('are cut into windows that predict every byte but the first once', async () => {
    expect(await read(write('bytes.txt', 'ab cd efg'), { window: 4 })).toEqual([
      { ids: letters('ab c'), next: letters('b cd'), text: { words: 1, bytes: 4 } },
      { ids: letters('d ef'), next: letters(' efg'), text: { words: 1, bytes: 4 } },
    ]);
  });

  it('at the end have a window without a successor', async () => {
    const windows = await read(write('end.txt', 'abcdefgh'), { window: 4 });
    expect(windows.map(({ next }) => next)).toEqual([letters('bcde'), [...letters('fgh'), -1]]);
  });

  it('overlap with a stride, and only what is new is scored', async () => {
    const windows = await read(write('overlap.txt', 'abcdefg'), { window: 4, stride: 2 });
    expect(windows.map(({ next }) => next)).toEqual([letters('bcde'), [-1, -1, ...letters('fg')]]);
  });

  it('are left out between windows with a longer stride', async () => {
    const windows = await read(write('gaps.txt', 'abcdefghijkl'), { window: 2, stride: 5, samples: 2 });
    expect(windows.map(({ ids }) => ids)).toEqual([letters('ab'), letters('fg')]);
  });

  it('of a text shorter than a window are one', async () => {
    expect((await read(write('short.txt', 'abc'), {})).map(({ ids }) => ids)).toEqual([letters('abc')]);
  });
});

describe('tokens', () => {
  const tokenizer = write('tokenizer.json', JSON.stringify(byteLevel));

  it('come from lines that are not empty, line ends included', async () => {
    const path = write('lines.txt', 'ab c\n\n  \ncab\r\n');
    // ab, space c, line end; c ab, line end
    const [window] = await read(path, { tokenizer, window: 6 }, tokens);
    expect(window.ids).toEqual([5, 3, 2, 4, 2, 5]);
    expect(window.next).toEqual([3, 2, 4, 2, 5, 4]);
    // 3 of 4 tokens of the first line (2 words, 5 bytes), the second line (1 word, 4 bytes) whole.
    expect(window.text?.words).toBeCloseTo(2 * (3 / 4) + 1, 12);
    expect(window.text?.bytes).toBeCloseTo(5 * (3 / 4) + 4, 12);
  });

  it('must be known to the model', async () => {
    const strange = { ...byteLevel, model: { ...byteLevel.model, vocab: { ...byteLevel.model.vocab, ab: 400 } } };
    const path = write('strange.json', JSON.stringify(strange));
    await expect(read(write('x.txt', 'ab'), { tokenizer: path, window: 2 }, tokens)).rejects.toThrow(
      /gives token 400, and the model knows 300/,
    );
  });
});
