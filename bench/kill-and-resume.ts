// Kills `dsopt quantize --resume` at random moments: whether an output that is not whole was ever there, and whether the run that goes on gives
// the same bytes and leaves nothing else, data files and bundles included. With `--end` the kills aim at the end, where files are moved into place:
// by turns at a random moment of the last tenth of a run, and as soon as a file of the output appears.
// node dist-bench/bench/kill-and-resume.js MODEL [ROUNDS] [--end] [-- OPTIONS of dsopt quantize]
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createRandom } from '../src/numeric/index.js';

const separator = process.argv.indexOf('--');
const { values, positionals } = parseArgs({
  args: process.argv.slice(2, separator < 0 ? undefined : separator),
  allowPositionals: true,
  options: { end: { type: 'boolean', default: false } },
});
const [model, rounds = '20'] = positionals;
if (!model) throw new TypeError('node kill-and-resume.js MODEL [ROUNDS] [--end] [-- OPTIONS]');
const given = separator < 0 ? [] : process.argv.slice(separator + 1);
const options = given.length > 0 ? given : ['--mode', 'weight-only', '--no-verify'];
const isBundle = options.includes('--dtypes');
const program = fileURLToPath(new URL('../../bin/dsopt.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dsopt-kill-'));
const [whole, killed] = ['whole', 'killed'].map((name) => join(folder, name));
/** When to kill a run: never, after some milliseconds, or when so many files of the output have appeared. */
type Moment = null | { readonly after: number } | { readonly appeared: number };
try {
  for (const each of [whole, killed]) mkdirSync(each);
  await run(whole, null);
  // The first run reads files that the next ones find in memory.
  const began = performance.now();
  await run(join(folder, 'timed'), null);
  const longest = performance.now() - began;
  const expected = await digests(whole);
  const random = createRandom(1);
  const counts = { ended: 0, without: 0, dataOnly: 0, whole: 0, half: 0 };
  const unknown = new Set<string>();
  for (let round = 0; round < Number(rounds); round++) {
    // Every run begins anew or goes on, by turns, without an output; folders in which killed runs wrote are left for the next one to remove. At the
    // end only runs that begin anew take as long as the one that was timed.
    const forgets = round % 2 === 0;
    for (const name of readdirSync(killed)) {
      if (name[0] !== '.' || (forgets && name.endsWith('.resume'))) rmSync(join(killed, name), { recursive: true });
    }
    const wasKilled = await run(killed, momentOf(round, longest, random.next(), expected.size));
    const names = readdirSync(killed);
    const models = names.filter((name) => name.endsWith('.onnx'));
    if (!wasKilled) counts.ended++;
    else if (models.length > 0) counts[(await areWhole(models, expected)) ? 'whole' : 'half']++;
    else counts[names.some((name) => expected.has(name)) ? 'dataOnly' : 'without']++;
    for (const name of names) if (name[0] !== '.' && !expected.has(name)) unknown.add(name);
  }
  await run(killed, null);
  const found = await digests(killed);
  const same = found.size === expected.size && [...expected].every(([name, hash]) => found.get(name) === hash);
  const left = readdirSync(killed).filter((name) => !expected.has(name));
  const { ended, without, dataOnly, whole: complete, half } = counts;
  const aim = values.end ? 'in the last tenth or when a file appeared, of' : 'within';
  process.stdout.write(
    `${Number(rounds) - ended} runs killed ${aim} ${(longest / 1000).toFixed(1)} s (${ended} had ended before): ${without} left no output, ` +
      `${dataOnly} data files without their model, ${complete} whole models, ${half} a model that is not\n` +
      `beside the output and folders of work they left ${[...unknown].join(' ') || 'nothing'}\n` +
      `the run that went on gave ${same ? `the same ${expected.size} files` : 'OTHER BYTES'} and left ${left.join(' ') || 'nothing else'}\n`,
  );
  process.exitCode = half > 0 || unknown.size > 0 || !same || left.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** @param share random, 0 to 1 */
function momentOf(round: number, longest: number, share: number, files: number): Moment {
  if (!values.end) return { after: longest * share };
  if (round % 2 === 0) return { after: longest * (0.9 + 0.1 * share) };
  return { appeared: 1 + (Math.floor(round / 2) % files) };
}

/** Whether the run was killed; others must end well. */
async function run(target: string, moment: Moment): Promise<boolean> {
  mkdirSync(target, { recursive: true });
  const output = isBundle ? target : join(target, 'out.onnx');
  const child = spawn(
    process.execPath,
    [program, 'quantize', model, '-o', output, ...options, '--resume', '--overwrite', '--quiet'],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (moment && 'appeared' in moment) await killWhenAppeared(child, target, moment.appeared, ended);
  else if (moment) {
    await Promise.race([setTimeout(moment.after), ended]);
    child.kill('SIGKILL');
  }
  await ended;
  if (child.signalCode !== 'SIGKILL' && child.exitCode !== 0) throw new Error(`dsopt ended with ${child.exitCode}`);
  return child.signalCode === 'SIGKILL';
}

/** Kills from within the notification itself, the next thing that happens after a file has got its name. */
async function killWhenAppeared(
  child: ChildProcess,
  target: string,
  count: number,
  ended: Promise<void>,
): Promise<void> {
  const appeared = new Set<string>();
  const watcher = watch(target, (_event, name) => {
    if (name !== null && name[0] !== '.') appeared.add(name);
    if (appeared.size >= count) child.kill('SIGKILL');
  });
  await ended;
  watcher.close();
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
