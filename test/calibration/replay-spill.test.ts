// Values of samples that lie on disk between two operators: the same as in memory, and nothing is left of them.
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { Replay } from '../../src/calibration/index.js';
import type { Feeds } from '../../src/engine/index.js';
import { parseModel } from '../../src/ir/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { engine } from '../fixture-models.js';

const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
test (float[64] x) => (float[64] z)
{
  a = Abs (x)
  b = Neg (a)
  c = Add (b, x)
  z = Mul (c, a)
}`);

async function* samples(): AsyncGenerator<Feeds> {
  for (let i = 0; i < 5; i++)
    yield {
      x: float32Tensor(
        [64],
        Float32Array.from({ length: 64 }, (_, j) => i - j),
      ),
    };
}

async function valuesWith(maxMemory: number | undefined): Promise<number[][]> {
  const options = { engine, threads: 1, signal: new AbortController().signal, maxMemory };
  const replay = await Replay.start(model, samples(), options);
  const [, , add, mul] = model.graph.nodes();
  const seen: number[][] = [];
  // Twice: what is spilled and still needed goes from one file to the next.
  for (const [node, index] of [
    [add, 0],
    [mul, 0],
    [mul, 1],
  ] as const) {
    const wanted = node.input(index)!;
    for await (const values of replay.advance(node, [wanted])) seen.push([...values.get(wanted)!.readFloat32()]);
  }
  replay.close();
  return seen;
}

it('gives what memory would have given', async () => {
  const spilled = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('dsopt-samples-'));
  const before = spilled();
  const expected = await valuesWith(undefined);
  expect(expected).toHaveLength(15);
  expect(expected[5]).toEqual(Array.from({ length: 64 }, (_, j) => 0 - Math.abs(-j) - j));
  // Nothing, and a value of one sample.
  for (const maxMemory of [0, 4 * 300]) expect(await valuesWith(maxMemory)).toEqual(expected);
  expect(spilled()).toEqual(before);
});
