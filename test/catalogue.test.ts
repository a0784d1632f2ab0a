// passes/README.md is generated from the passes: `UPDATE_CATALOGUE=1 npx vitest run test/catalogue.test.ts` writes it anew.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { builtinPasses } from '../passes/index.js';
import type { Pass, PassKind } from '../src/pass/index.js';

const folder = new URL('../passes/', import.meta.url).pathname;
const file = `${folder}README.md`;
const passes: readonly Pass[] = builtinPasses;

const titles: Readonly<Record<PassKind, string>> = {
  cleanup: 'Cleanup: the same results',
  smooth: 'Smoothing: the same results, easier to quantize',
  factorize: 'Factorization',
  prune: 'Pruning',
  finetune: 'Training',
  quantize: 'Quantization',
};

function catalogue(): string {
  const sections = Object.entries(titles).flatMap(([kind, title]) => {
    const rows = passes
      .filter((pass) => pass.kind === kind)
      .map(({ name, summary, needs }) => `| [${name}](${name}/README.md) | ${summary} | ${needs.join(', ') || '–'} |`);
    return rows.length > 0
      ? [`## ${title}\n\n| pass | what it does | needs |\n| --- | --- | --- |\n${rows.join('\n')}`]
      : [];
  });
  const intro =
    'One folder a pass, all of the same shape: `index.ts` is the pass, `options.ts` its options, the other files what it computes, `README.md` what it\n' +
    'does, measures and leaves alone. A new pass is a folder and a line in `index.ts`. This page is generated from the passes (`test/catalogue.test.ts`).';
  return `# The passes\n\n${intro}\n\n${sections.join('\n\n')}\n`;
}

it('passes/README.md lists the passes as they are', () => {
  if (process.env.UPDATE_CATALOGUE === '1') writeFileSync(file, catalogue());
  expect(readFileSync(file, 'utf8')).toBe(catalogue());
});

it('every pass says what it does in a README of its own', () => {
  expect(passes.filter(({ name }) => !existsSync(`${folder}${name}/README.md`)).map(({ name }) => name)).toEqual([]);
});
