// Kills `dsopt quantize --resume` at random moments: whether an output that is not whole was ever there, and whether the run that goes on gives
// the same bytes. node dist-bench/bench/kill-and-resume.js MODEL [ROUNDS] [-- OPTIONS of dsopt quantize]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
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
const program = fileURLToPath(new URL('../../bin/dsopt.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dsopt-kill-'));
const output = join(folder, 'out.onnx');
try {
  const began = performance.now();
  const whole = join(folder, 'whole.onnx');
  await run(whole, null);
  const longest = performance.now() - began;
  const expected = await digest(whole);
  const random = createRandom(1);
  const counts = { without: 0, whole: 0, half: 0 };
  for (let round = 0; round < Number(rounds); round++) {
    // Every run begins anew or goes on, by turns; the output that may be there is replaced.
    if (round % 2 === 0) rmSync(join(folder, '.out.onnx.resume'), { recursive: true, force: true });
    rmSync(output, { force: true });
    await run(output, longest * random.next());
    if (!existsSync(output)) counts.without++;
    else counts[(await digest(output)) === expected ? 'whole' : 'half']++;
  }
  await run(output, null);
  const same = (await digest(output)) === expected;
  const left = readdirSync(folder).filter((name) => name !== 'out.onnx' && name !== 'whole.onnx');
  const { without, whole: complete, half } = counts;
  process.stdout.write(
    `${rounds} runs killed within ${(longest / 1000).toFixed(1)} s: ${without} left no output, ${complete} a whole one, ${half} half a one\n` +
      `the run that went on gave ${same ? 'the same bytes' : 'OTHER BYTES'} and left ${left.join(' ') || 'nothing else'}\n`,
  );
  process.exitCode = half > 0 || !same || left.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Ends by itself, or is killed after some milliseconds. */
async function run(path: string, killAfter: number | null): Promise<void> {
  const child = spawn(
    process.execPath,
    [program, 'quantize', model, '-o', path, ...options, '--resume', '--overwrite', '--quiet'],
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

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
