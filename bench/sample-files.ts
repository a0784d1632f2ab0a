// Samples as files, for programs in other languages: raw tensors, and index.json, which tells of each sample the file, type and shape by input.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Feeds } from '../src/engine/index.js';

export async function writeSamples(folder: string, samples: AsyncIterable<Feeds> | Iterable<Feeds>): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const index: Record<string, unknown>[] = [];
  for await (const feeds of samples) {
    const sample = index.length;
    index.push(
      Object.fromEntries(
        Object.entries(feeds).map(([name, tensor], position) => {
          const file = `${sample}-${position}`;
          writeFileSync(join(folder, file), tensor.bytes());
          return [name, { file, dtype: tensor.dataType, shape: tensor.shape }];
        }),
      ),
    );
  }
  writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
}
