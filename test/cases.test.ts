// Each file below fixtures/cases/<pass> is a case: what the pass makes of a small model. A file has sections, each begun by a line
// `=== name`: `options` (JSON, may be missing), `model` and `expected` (ONNX text syntax), `skipped` (one line per node that stays:
// target, reason). A new case is a new file; `UPDATE_CASES=1 npx vitest run test/cases.test.ts` writes what comes out into
// `expected` and `skipped`, to be read before it is committed.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtinPasses } from '../passes/index.js';
import { formatModel, parseModel, verifyModel } from '../src/ir/index.js';
import type { Pass } from '../src/pass/index.js';
import { runOnCopy } from './fixture-models.js';

const folder = new URL('../fixtures/cases/', import.meta.url).pathname;
const update = process.env.UPDATE_CASES === '1';

function readSections(text: string): Map<string, string> {
  const [comment, ...sections] = text.split(/^=== /m);
  return new Map([
    ['', comment],
    ...sections.map((section): [string, string] => {
      const end = section.indexOf('\n');
      return [section.slice(0, end).trim(), section.slice(end + 1)];
    }),
  ]);
}

describe.each(readdirSync(folder).sort())('%s', (name) => {
  it.each(readdirSync(join(folder, name)).sort())('%s', async (file) => {
    const path = join(folder, name, file);
    const sections = readSections(readFileSync(path, 'utf8'));
    const pass = (builtinPasses as readonly Pass[]).find((candidate) => candidate.name === name);
    if (!pass) throw new TypeError(`${name} is no pass`);
    const options = JSON.parse(sections.get('options') ?? '{}') as Record<string, unknown>;
    const { model, report } = await runOnCopy(parseModel(sections.get('model') ?? ''), pass, options);
    verifyModel(model);
    const actual = {
      expected: formatModel(model, { maxElements: Number.POSITIVE_INFINITY }).trim(),
      skipped: report.skipped.map(({ target, reason }) => `${target}: ${reason}`).join('\n'),
    };
    if (update) {
      for (const [section, text] of Object.entries(actual)) sections.set(section, text === '' ? '' : `${text}\n`);
      const written = [...sections].filter(([section, text]) => section === '' || text !== '');
      writeFileSync(
        path,
        written.map(([section, text]) => (section === '' ? text : `=== ${section}\n${text}`)).join(''),
      );
    }
    const expected = update
      ? actual
      : { expected: sections.get('expected')?.trim(), skipped: (sections.get('skipped') ?? '').trim() };
    expect(actual).toEqual(expected);
  });
});
