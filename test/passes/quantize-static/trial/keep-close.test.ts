import { expect, it } from 'vitest';
import { quantizeDynamic } from '../../../../passes/quantize-dynamic/index.js';
import { quantizeStatic } from '../../../../passes/quantize-static/index.js';
import type { PlannedLinear } from '../../../../passes/quantize-static/plan/plan.js';
import type { HeldOutOutputs } from '../../../../passes/quantize-static/trial/held-out-outputs.js';
import { keepClose } from '../../../../passes/quantize-static/trial/keep-close.js';
import type { Rounding } from '../../../../passes/quantize-static/trial/rounded-model.js';
import { cloneModel, parseModel, type Value } from '../../../../src/ir/index.js';
import { inlineWorkers } from '../../../../src/parallel/index.js';
import { type PassContext, type Protection, runPass } from '../../../../src/pass/index.js';
import { float32Tensor } from '../../../../src/tensor/index.js';
import { engine, feedsFor, outputsOf, runOnCopy, samplesFor } from '../../../fixture-models.js';
import { errorOf, modelOf } from '../model-of.js';

/** The second convolution takes eighth powers: on a grid of eight bits a few large ones leave nothing of the others, which Tanh makes as important. */
const model = modelOf(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[1,8,16,16] x, float[16,8,3,3] w1, float[16,16,3,3] w2, float[16,16,3,3] w3, float[16,16,3,3] w4) => (float[1,16,16,16] y) {
  [a] h1 = Conv <pads = [1, 1, 1, 1]> (x, w1)
  [s] h2 = Mul (h1, h1)
  [p] h3 = Mul (h2, h2)
  [q] h4 = Mul (h3, h3)
  [spiky] h5 = Conv <pads = [1, 1, 1, 1]> (h4, w2)
  [u] h9 = Tanh (h5)
  [c] h10 = Conv <pads = [1, 1, 1, 1]> (h9, w3)
  [d] y = Conv <pads = [1, 1, 1, 1]> (h10, w4)
}`);
const { signal } = new AbortController();
const options = { edges: 'integer', minimumSize: 1 };

it('leaves the operators in float that move an output too far, and says why', async () => {
  const free = await runOnCopy(model, quantizeStatic, { ...options, maxOutputError: 0 });
  const close = await runOnCopy(model, quantizeStatic, options);
  expect(free.report.changed.map(({ target }) => target)).toContain('spiky');
  expect(free.report.metrics.outputError).toBeUndefined();
  const left = close.report.skipped.filter(({ reason }) => reason.includes('moved an output'));
  expect(left.map(({ target }) => target)).toContain('spiky');
  expect(close.report.changed.map(({ target }) => target)).toEqual(expect.arrayContaining(['c', 'd']));
  expect(close.report.metrics.outputErrorOfIntegersAlone).toBeGreaterThan(0.03);
  expect(close.report.metrics.outputError).toBeLessThan(0.03);
  expect(await errorOf(model, close.model)).toBeLessThan(0.2 * (await errorOf(model, free.model)));
});

it('changes nothing where all operators together stay within the limit', async () => {
  const free = await runOnCopy(model, quantizeStatic, { ...options, exclude: ['spiky', 'a'], maxOutputError: 0 });
  const close = await runOnCopy(model, quantizeStatic, { ...options, exclude: ['spiky', 'a'] });
  expect(close.report.metrics.outputError).toBeLessThan(0.03);
  expect(close.report.changed).toEqual(free.report.changed);
  const feeds = feedsFor(model);
  expect((await outputsOf(close.model, feeds)).y.readFloat32()).toEqual(
    (await outputsOf(free.model, feeds)).y.readFloat32(),
  );
});

it('has nothing behind it store the weights in fewer bits that outputs depend on digit by digit', async () => {
  // What is left of two products that are all but equal depends on every digit of both.
  const cancelling = modelOf(`<ir_version: 8, opset_import: ["" : 17]>
graph (float[4,128] x, float[128,128] w1, float[128,128] w2) => (float[4,128] y) {
  [t] t = Tanh (x)
  [m] a = MatMul (t, w1)
  [k] b = MatMul (t, w2)
  [r] y = Sub (a, b)
}`);
  const [one, other] = [...cancelling.graph.nodes()].filter((node) => node.is('MatMul'));
  const values = one.input(1)!.constant!.readFloat32();
  const almost = float32Tensor(
    [128, 128],
    values.map((value, i) => value * (1 + (i % 61) / 1e4)),
  );
  other.replaceInput(1, cancelling.graph.addInitializer('almost', almost));
  const protections = new Map<string, Protection>();
  const copy = cloneModel(cancelling);
  const environment = {
    original: cancelling,
    engine,
    workers: inlineWorkers,
    samples: samplesFor(cancelling),
    signal,
    seed: 0,
    protections,
  };
  await runPass(copy, quantizeStatic, options, environment);
  expect([...protections.values()]).toContain('weights');
  const { skipped } = await runPass(copy, quantizeDynamic, { minimumSize: 1 }, environment);
  expect(skipped.map(({ reason }) => reason)).toContain('outputs depend too much on the digits of its weights');
  expect(await errorOf(cancelling, copy)).toBeLessThan(0.1);
});

it('takes a second pass back that helps nothing beside the others', async () => {
  const values = [
    ...parseModel('<ir_version: 8, opset_import: ["" : 17]> graph (float[1] a, float[1] b) => () {}').graph.inputs,
  ];
  const [one, other] = values;
  const linears = values.map((input) => ({ operator: { kind: 'matrix', input }, share: 0.5, result: null }));
  const planOf = (some: readonly PlannedLinear[]) => ({ linears: some, elementwise: [] });
  // The first seems to do most by itself, but the second decides what they do together.
  const errorsOf = async ({ part, twice }: Rounding) => {
    const inputs = part.linears.map(({ operator }) => operator.input).filter((input) => !twice!.has(input));
    return { worst: inputs.includes(other) ? 0.2 : inputs.length === part.linears.length ? 0.3 : 0.001 };
  };
  const settings = { limit: 0.03, twice: new Set<Value>(), canBeTwice: new Set(values), planOf };
  const context = { signal, progress: () => {} };
  const { twice, after } = await keepClose(
    { errorsOf } as unknown as HeldOutOutputs,
    planOf(linears as unknown as PlannedLinear[]),
    settings,
    context as unknown as PassContext,
  );
  expect([...twice]).toEqual([other]);
  expect(twice.has(one)).toBe(false);
  expect(after).toBe(0.001);
});
