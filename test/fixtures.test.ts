// The fixture models are what their sources and the generator say, byte for byte, and the README lists them.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateFixtures, sha256 } from '../fixtures/generate.js';
import { temporaryFolder } from './temporary-folder.js';

const folder = new URL('../fixtures/', import.meta.url).pathname;
const models = join(folder, 'models');
const readme = join(folder, 'README.md');
const update = process.env.UPDATE_FIXTURES === '1';

const row = /^\| `([^`]+)` *\| `([0-9a-f]{64})` *\|\n/gm;

describe('fixtures', () => {
  it('are what the generator makes of the sources', async () => {
    const target = update ? models : temporaryFolder();
    const names = await generateFixtures(target);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(sha256(join(target, name)), name).toBe(sha256(join(models, name)));
  });

  it('are listed in the README with their checksums', () => {
    const checksums = readdirSync(models)
      .sort()
      .map((name) => [name, sha256(join(models, name))]);
    if (update) {
      const rows = checksums.map(([name, checksum]) => `| \`${name}\` | \`${checksum}\` |\n`).join('');
      writeFileSync(readme, readFileSync(readme, 'utf8').replace(row, '') + rows);
    }
    const listed = [...readFileSync(readme, 'utf8').matchAll(row)].map(([, name, checksum]) => [name, checksum]);
    expect(listed).toEqual(checksums);
  });
});
