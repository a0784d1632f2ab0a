import { expect, test } from 'vitest';
import { strictObject } from 'zod';
import { createRandom } from '../../../src/numeric/index.js';
import { inlineWorkers } from '../../../src/parallel/index.js';
import { definePass, runPass } from '../../../src/pass/index.js';
import { refit } from '../../../src/pruning/repair/refit.js';
import { nearestAlike, saturationOf } from '../../../src/pruning/repair/saturation.js';
import { valuesByName } from '../../../src/rewrite/index.js';
import { float32Tensor } from '../../../src/tensor/index.js';
import { randomModel } from '../../analysis/channel-groups/removal.js';
import { engine, outputsOf } from '../../fixture-models.js';

const header = '<ir_version: 10, opset_import: ["" : 17]>';

test('what cuts values off, and the nearest value that computes the same', () => {
  const model = randomModel(`${header} graph (float[n,4] x) => (float[n,4] y)
    <float[4,4] w = {...}, float low = {-1.0}, float high = {2.0}> {
      a = MatMul (x, w) r = Relu (a) b = MatMul (r, w) c = Clip (b, low, high) s = Relu (b) d = Add (c, s) e = MatMul (d, w) f = Tanh (e) g = Relu (e) y = Add (f, g)
    }`);
  const values = valuesByName(model.graph);
  const of = (name: string) => saturationOf(values.get(name)!);
  expect(of('a')).toEqual({ low: 0, high: Number.POSITIVE_INFINITY });
  // Clip tells apart what Relu does not, and the other way round.
  expect(of('b')).toEqual({ low: -1, high: Number.POSITIVE_INFINITY });
  expect(of('e')).toBeNull();
  expect(of('y')).toBeNull();
  const clip = { low: -1, high: 2 };
  expect([-3, -3, -0.5, 5, 5].map((target, at) => nearestAlike(target, [-2, 4, 9, 1, 7][at], clip))).toEqual([
    -2, -1, -0.5, 2, 7,
  ]);
});

const inputs = Array.from({ length: 60 }, (_, sample) => {
  const random = createRandom(sample);
  return float32Tensor(
    [8, 6],
    Float32Array.from({ length: 48 }, () => random.normal()),
  );
});

/** y = activation(W·x + b) of which the changed model sees four of six inputs. */
const modelOf = (activation: string) =>
  randomModel(`${header} graph (float[n,6] x) => (float[n,5] y)
    <float[6,6] mask = {1.0,0,0,0,0,0, 0,1.0,0,0,0,0, 0,0,1.0,0,0,0, 0,0,0,1.0,0,0, 0,0,0,0,1.0,0, 0,0,0,0,0,1.0}, float[6,5] w = {...}, float[5] b = {...}> {
      m = MatMul (x, mask) p = Gemm (m, w, b) y = ${activation} (p)
    }`);

/** Rows of the four inputs that are seen and a one, [rows, 5], and the outputs of `p` that are wanted, [rows, 5]. */
async function problem() {
  const rows: number[] = [];
  const targets: number[] = [];
  const reference = modelOf('Identity');
  for (const x of inputs) {
    const values = x.readFloat32();
    for (let row = 0; row < 8; row++) rows.push(...values.slice(row * 6, row * 6 + 4), 1);
    targets.push(...(await outputsOf(reference, { x })).y.readFloat32());
  }
  return { rows, targets, count: rows.length / 5 };
}

/** Mean of (y − t)², where t is negative of max(y, 0)². */
function objective(outputs: ArrayLike<number>, targets: readonly number[]): number {
  return targets.reduce((sum, target, at) => sum + excess(outputs[at], target) ** 2, 0) / targets.length;
}

const excess = (output: number, target: number): number => (target > 0 ? output - target : Math.max(output, 0));

/** Its least value, by gradient descent. */
async function leastObjective(): Promise<number> {
  const { rows, targets, count } = await problem();
  const weights = new Float64Array(25);
  const outputs = new Float64Array(count * 5);
  for (let step = 0; step < 2000; step++) {
    const gradient = new Float64Array(25);
    for (let row = 0; row < count; row++) {
      for (let output = 0; output < 5; output++) {
        let value = 0;
        for (let feature = 0; feature < 5; feature++) value += rows[row * 5 + feature] * weights[feature * 5 + output];
        outputs[row * 5 + output] = value;
        const error = excess(value, targets[row * 5 + output]) / count;
        for (let feature = 0; feature < 5; feature++) gradient[feature * 5 + output] += error * rows[row * 5 + feature];
      }
    }
    for (let at = 0; at < 25; at++) weights[at] -= 0.7 * gradient[at];
  }
  return objective(outputs, targets);
}

/** Of the refitted operator. */
async function objectiveAfterRefit(activation: string): Promise<number> {
  const reference = modelOf(activation);
  const model = modelOf(activation);
  const mask = valuesByName(model.graph).get('mask')!;
  const identity = Float32Array.from(mask.constant!.readFloat32());
  identity.fill(0, 4 * 6);
  mask.constant = float32Tensor([6, 6], identity);
  const node = valuesByName(model.graph).get('p')!.producer!;
  const pass = definePass({
    name: 'refit',
    kind: 'prune',
    summary: 'Refits one operator.',
    options: strictObject({}),
    needs: ['inference'],
    run: async (own, _options, context) =>
      void (await refit(own, reference, new Map([[node, { node, channels: null }]]), context)),
  });
  const samples = {
    async *[Symbol.asyncIterator]() {
      for (const x of inputs) yield { x };
    },
  };
  const { signal } = new AbortController();
  const environment = { original: reference, prepared: reference, engine, workers: inlineWorkers, samples, signal };
  await runPass(model, pass, {}, { ...environment, seed: 0 });
  model.graph.removeOutput(model.graph.outputs[0]);
  model.graph.addOutput(node.output);
  const outputs: number[] = [];
  for (const x of inputs) outputs.push(...(await outputsOf(model, { x })).p.readFloat32());
  return objective(outputs, (await problem()).targets);
}

test('operators in front of a Relu are fitted to what is left of their outputs behind it', async () => {
  const least = await leastObjective();
  // With the pull towards the weights there were.
  expect(await objectiveAfterRefit('Relu')).toBeLessThan(1.01 * least);
  expect(await objectiveAfterRefit('Tanh')).toBeGreaterThan(1.04 * least);
});
