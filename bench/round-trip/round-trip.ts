// Loads and saves every model below some folders and compares what onnxruntime computes with original and copy, bit by bit.
// Prints a Markdown table and a reason for every model that is not the same; ends with 1 if any round trip failed.
// Run: npm run bench:round-trip -- ../shared/robust ../shared/models
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { modelFiles } from '../model-files.js';
import { type Outcome, outcomes, type RoundTrip } from './outcome.js';
import { roundTrips } from './round-trips.js';

const roots = process.argv.slice(2);
if (roots.length === 0) throw new Error('Pass folders of models');

const columns = Object.keys(outcomes) as Outcome[];
const exceptions: RoundTrip[] = [];
const total = new Map<Outcome, number>();
const temporary = mkdtempSync(join(tmpdir(), 'dsopt-round-trip-'));
print(['models', 'of', ...Object.values(outcomes)]);
print(['---', ...Array<string>(columns.length + 1).fill('--:')]);
try {
  for (const [group, paths] of groups()) {
    const counts = new Map<Outcome, number>();
    for await (const result of roundTrips(paths, temporary)) {
      for (const counter of [counts, total]) counter.set(result.outcome, (counter.get(result.outcome) ?? 0) + 1);
      if (result.outcome !== 'identical') exceptions.push(result);
    }
    printCounts(group, counts);
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
printCounts('**all**', total);
process.stdout.write('\n');
for (const outcome of columns) {
  for (const { path, reason } of exceptions.filter((exception) => exception.outcome === outcome))
    process.stdout.write(`${outcome}\t${path}\t${shortened(reason, path)}\n`);
}
process.exitCode = total.has('failed') ? 1 : 0;

/** Models by the folder below a root that they are in. */
function groups(): Map<string, string[]> {
  const result = new Map<string, string[]>();
  for (const root of roots) {
    for (const path of modelFiles([root])) {
      const group = join(root, relative(root, path).split(sep)[0]);
      result.set(group, [...(result.get(group) ?? []), path]);
    }
  }
  return result;
}

function printCounts(name: string, counts: ReadonlyMap<Outcome, number>): void {
  const sum = [...counts.values()].reduce((a, b) => a + b, 0);
  print([name, String(sum), ...columns.map((column) => String(counts.get(column) ?? 0))]);
}

function print(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

function shortened(reason: string, path: string): string {
  return reason.split('\n')[0].replaceAll(path, 'it').slice(0, 240);
}
