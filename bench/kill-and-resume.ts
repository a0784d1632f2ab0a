// Kills `dsopt quantize --resume` at random moments: whether an output that is not whole was ever there, and whether the run that goes on gives
// the same bytes, data files and bundles included. node dist-bench/bench/kill-and-resume.js MODEL [ROUNDS] [-- OPTIONS of dsopt quantize]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createRandom } from '../src/numeric/index.js';

const separator = process.argv.indexOf('--');
const [model, rounds = '20'] = process.argv.slice(2, separator < 0 ? undefined : separator);
if (!model) throw new TypeError('node kill-and-resume.js MODEL [ROUNDS] [-- OPTIONS]');
const given = separator < 0 ? [] : process.argv.slice(separator + 1);
const options = given.length > 0 ? given : ['--mode', 'weight-only', '--no-verify'];
const isBundle = options.includes('--dtypes');
const program = fileURLToPath(new URL('../../bin/dsopt.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dsopt-kill-'));
const [whole, killed] = ['whole', 'killed'].map((name) => join(folder, name));
try {
  for (const each of [whole, killed]) mkdirSync(each);
  const began = performance.now();
  await run(whole, null);
  const longest = performance.now() - began;
  const expected = await digests(whole);
  const random = createRandom(1);
  const counts = { without: 0, whole: 0, half: 0 };
  for (let round = 0; round < Number(rounds); round++) {
    // Every run begins anew or goes on, by turns; the output that may be there is replaced.
    const forgotten = readdirSync(killed).filter((name) => round % 2 === 0 || !name.endsWith('.resume'));
    for (const name of forgotten) rmSync(join(killed, name), { recursive: true, force: true });
    await run(killed, longest * random.next());
    const models = readdirSync(killed).filter((name) => name.endsWith('.onnx'));
    if (models.length === 0) counts.without++;
    else counts[(await areWhole(models, expected)) ? 'whole' : 'half']++;
  }
  await run(killed, null);
  const found = await digests(killed);
  const same = found.size === expected.size && [...expected].every(([name, hash]) => found.get(name) === hash);
  const left = readdirSync(killed).filter((name) => !expected.has(name));
  const { without, whole: complete, half } = counts;
  process.stdout.write(
    `${rounds} runs killed within ${(longest / 1000).toFixed(1)} s: ${without} left no output, ${complete} a whole one, ${half} half a one\n` +
      `the run that went on gave ${same ? `the same ${expected.size} files` : 'OTHER BYTES'} and left ${left.join(' ') || 'nothing else'}\n`,
  );
  process.exitCode = half > 0 || !same || left.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Ends by itself, or is killed after some milliseconds. */
async function run(target: string, killAfter: number | null): Promise<void> {
  const output = isBundle ? target : join(target, 'out.onnx');
  const child = spawn(
    process.execPath,
    [program, 'quantize', model, '-o', output, ...options, '--resume', '--overwrite', '--quiet'],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  if (killAfter !== null) {
    await Promise.race([setTimeout(killAfter), ended]);
    child.kill('SIGKILL');
  }
  const code = await ended;
  if (killAfter === null && code !== 0) throw new Error(`dsopt ended with ${code}`);
}

/** Whether the models, and all data files that belong to them, are what a run gives that nobody kills. */
async function areWhole(models: readonly string[], expected: ReadonlyMap<string, string>): Promise<boolean> {
  for (const [name, hash] of expected) {
    if (!models.some((each) => name.startsWith(each.replace(/\.onnx$/, '.')))) continue;
    const path = join(killed, name);
    if (!existsSync(path) || (await digest(path)) !== hash) return false;
  }
  return models.every((each) => expected.has(each));
}

/** Of the files of a folder; folders, and what is hidden, are work in progress. */
async function digests(path: string): Promise<Map<string, string>> {
  const files = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isFile() && entry.name[0] !== '.');
  return new Map(await Promise.all(files.map(async ({ name }) => [name, await digest(join(path, name))] as const)));
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
