import { expect, test } from 'vitest';
import type { Feeds } from '../../../src/engine/index.js';
import { MatrixProducts } from '../../../src/engine/index.js';
import { cloneModel, type Model, type Value } from '../../../src/ir/index.js';
import { createRandom } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import { Lockstep } from '../../../src/pruning/index.js';
import { valuesByName } from '../../../src/rewrite/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { randomModel } from '../../analysis/channel-groups/removal.js';
import { engine, outputsOf } from '../../fixture-models.js';

const text = `<ir_version: 10, opset_import: ["" : 17]> graph (float[n,4] x) => (float[n,4] y)
<float[4,4] a = {...}, float[4,4] b = {...}, float[4,4] c = {...}> {
  p = MatMul (x, a)
  q = Relu (p)
  r = MatMul (q, b)
  s = Add (r, x)
  y = MatMul (s, c)
}`;

const rows = Array.from({ length: 3 }, (_, sample) => {
  const random = createRandom(sample);
  return float32Tensor(
    [2, 4],
    Float32Array.from({ length: 8 }, () => random.normal()),
  );
});

function contextOf(sweeps: { count: number }): PassContext {
  const samples: AsyncIterable<Feeds> = {
    async *[Symbol.asyncIterator]() {
      for (const x of rows) yield { x };
    },
  };
  const context = {
    engine,
    workers: inlineWorkers,
    signal: new AbortController().signal,
    samples,
    products: new MatrixProducts(engine),
    sweep: async () => {
      sweeps.count++;
      return rows.length;
    },
  };
  // Lockstep uses nothing else of a context.
  return context as unknown as PassContext;
}

async function check(lockstep: Lockstep, model: Model, name: string, own: readonly string[], original: string) {
  const here = valuesByName(model.graph);
  const values = own.map((value) => here.get(value)!);
  const target = lockstep.expected.get(original)!;
  let sample = 0;
  await lockstep.visit(here.get(name)!.producer!, values, [target], () => async (now, before) => {
    const exposed = async (of: Model, wanted: readonly Value[]) => {
      const copy = cloneModel(of);
      const copies = valuesByName(copy.graph);
      for (const { name: output } of wanted) {
        const value = copies.get(output)!;
        if (value.producer && !value.isGraphOutput) copy.graph.addOutput(value);
      }
      return outputsOf(copy, { x: rows[sample] });
    };
    const expected = await exposed(model, values);
    for (const value of values) {
      const wanted = value.producer ? expected[value.name] : rows[sample];
      expect([...now.get(value)!.readFloat32()]).toEqual([...wanted.readFloat32()]);
    }
    const reference = (await exposed(lockstep.reference, [target]))[original];
    expect([...before.get(target)!.readFloat32()]).toEqual([...reference.readFloat32()]);
    sample++;
  });
  return sample;
}

test('values around one operator after another are those of whole runs, also after edits behind', async () => {
  const reference = randomModel(text);
  const model = cloneModel(reference);
  const sweeps = { count: 0 };
  const lockstep = new Lockstep(model, reference, contextOf(sweeps));
  expect(await check(lockstep, model, 'p', ['x'], 'p')).toBe(3);
  expect(await check(lockstep, model, 'r', ['q', 'x'], 's')).toBe(3);
  const weight = [...model.graph.initializers].find(({ name }) => name === 'b')!;
  weight.constant = float32Tensor([4, 4], new Float32Array(16).fill(0.5));
  expect(await check(lockstep, model, 'y', ['s'], 'y')).toBe(3);
  expect(sweeps.count).toBe(0);
  // Going back is left to whole runs.
  expect(await check(lockstep, model, 'p', ['x'], 'p')).toBe(0);
  expect(sweeps.count).toBe(1);
});
