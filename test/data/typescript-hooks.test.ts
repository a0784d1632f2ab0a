// The loader that takes the types out of modules in TypeScript, which Node.js 20 does not do itself.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { load } from '../../src/data/typescript-hooks.js';
import { temporaryFolder } from '../temporary-folder.js';

const folder = temporaryFolder();
const context = { format: undefined, importAttributes: {}, importAssertions: {}, conditions: [] };

test('types go, code stays', async () => {
  const path = join(folder, 'data.ts');
  writeFileSync(path, 'interface Row { readonly x: number }\nexport default [{ x: 1 }] satisfies Row[];\n');
  const loaded = await load(pathToFileURL(path).href, context, () => {
    throw new Error('nobody else is asked');
  });
  expect(loaded).toMatchObject({ format: 'module', shortCircuit: true });
  expect(String(loaded.source).replace(/\s+/g, ' ').trim()).toBe('export default [{ x: 1 }] ;');
});

test('other modules are loaded as ever', async () => {
  const other = { format: 'module', source: 'export {};', shortCircuit: true };
  expect(await load('file:///a/b.js', context, async () => other)).toBe(other);
  expect(await load('file:///a/node_modules/c/d.ts', context, async () => other)).toBe(other);
});
