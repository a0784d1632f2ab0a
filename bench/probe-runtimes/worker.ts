// Runs every probe of a folder in one runtime and prints a line of JSON each: what came out, or the reason why nothing did.
// worker.js node|web PACKAGE FOLDER; which kernels ran is read from the profile of a Node.js runtime.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { InferenceSession, Tensor } from 'onnxruntime-node';

type Runtime = Pick<typeof import('onnxruntime-node'), 'InferenceSession' | 'Tensor' | 'env'>;

const [kind, entry, folder, done = '0'] = process.argv.slice(2);
const loaded = (await import(pathToFileURL(entry).href)) as Runtime & { readonly default?: Runtime };
const runtime = loaded.InferenceSession ? loaded : loaded.default!;
if (kind === 'web') {
  runtime.env.wasm.numThreads = 1;
  runtime.env.logLevel = 'fatal';
}
const input = Float32Array.from({ length: 64 }, (_, index) => Math.sin(index * 1.7) * 2.2);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.onnx'))
  .sort();
for (const [index, file] of files.entries()) {
  if (index < Number(done)) continue;
  process.stdout.write(`${JSON.stringify({ index, ...(await probe(join(folder, file))) })}\n`);
}

interface Kernel {
  readonly operator: string;
  /** Types of what it took. */
  readonly types: readonly string[];
}

interface Outcome {
  readonly values: number[];
  /** Null where the runtime does not tell. */
  readonly kernels: readonly Kernel[] | null;
}

async function probe(path: string): Promise<Outcome | { readonly reason: string }> {
  try {
    return await run(path);
  } catch (cause) {
    return { reason: cause instanceof Error ? cause.message : String(cause) };
  }
}

async function run(path: string): Promise<Outcome> {
  const feeds: Record<string, Tensor> = { x: new runtime.Tensor('float32', input, [1, 4, 4, 4]) };
  const common: InferenceSession.SessionOptions = { graphOptimizationLevel: 'extended', logSeverityLevel: 4 };
  if (kind === 'web') {
    const session = await runtime.InferenceSession.create(readFileSync(path), {
      ...common,
      executionProviders: ['wasm'],
    });
    const { y } = await session.run(feeds);
    await session.release();
    return { values: [...(y.data as Float32Array)], kernels: null };
  }
  const session = await runtime.InferenceSession.create(path, {
    ...common,
    enableProfiling: true,
    profileFilePrefix: `${path}.profile`,
  });
  const { y } = await session.run(feeds);
  session.endProfiling?.();
  await session.release();
  return { values: [...(y.data as Float32Array)], kernels: kernelsOf(path) };
}

/** What ran, from the profile that lies beside the model by now. */
function kernelsOf(path: string): Kernel[] | null {
  const name = readdirSync(dirname(path)).find((name) => name.startsWith(`${basename(path)}.profile`));
  if (!name) return null;
  const text = readFileSync(join(dirname(path), name), 'utf8').trim();
  // Some versions write nothing for the newest operators.
  if (text === '') return null;
  // The last event may be followed by a comma, and the bracket may be missing.
  const events = JSON.parse(`${text.replace(/[,\s\]]*$/, '')}]`) as ProfileEvent[];
  return events.flatMap(({ cat, name, args }) =>
    cat === 'Node' && name.endsWith('_kernel_time') && args?.op_name
      ? [{ operator: args.op_name, types: (args.input_type_shape ?? []).flatMap((entry) => Object.keys(entry)) }]
      : [],
  );
}

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly args?: { readonly op_name?: string; readonly input_type_shape?: readonly Record<string, unknown>[] };
}
