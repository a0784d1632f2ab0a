// Quantization-aware training: what was trained is what quantize-weights stores, bit for bit of its integers.
import { expect, test } from 'vitest';
import { quantizeWeights } from '../../../passes/quantize-weights/index.js';
import { cloneModel, parseModel } from '../../../src/ir/index.js';
import type { Pass } from '../../../src/pass/index.js';
import { train } from '../../../src/training/index.js';
import { engine, outputsOf, relativeError, runOnCopy } from '../../fixture-models.js';
import { matrixExamples, matrixFeeds, matrixNetwork, optionsOf } from '../small-models.js';

const inputs = 80;

const network = () => matrixNetwork(inputs, 72);
const examples = () => matrixExamples(inputs);

const environment = { engine, seed: 1, signal: new AbortController().signal, finish: null, progress() {} };
const storage = { compute: 'dequantize', algorithm: 'rtn', bits: 4, blockSize: 32 } as const;
const feeds = matrixFeeds(inputs);

test('4-bit weights are trained as they are stored, and better than rounded ones', async () => {
  const teacher = network();
  const student = cloneModel(teacher);
  const options = optionsOf({ qat: 'int4', qatBlockSize: 32, batch: 32, epochs: 12, temperature: 1 });
  const result = await train({ student, teacher, examples: examples(), options, rate: 2e-3 }, environment);
  expect(result.checks.at(-1)!.loss).toBeLessThan(0.7 * result.checks[0].loss);

  const { model: stored, report } = await runOnCopy(student, quantizeWeights as unknown as Pass, storage);
  expect(report.changed).toHaveLength(2);
  const [trained, decoded] = [await outputsOf(student, feeds), await outputsOf(stored, feeds)];
  expect(relativeError(decoded.y, trained.y)).toBeLessThan(1e-5);
});

test('a student without matrices of that size is refused', async () => {
  const text = `<ir_version: 8, opset_import: ["": 17]> g (float[n,${inputs}] x) => (float[n,1] y) <float[${inputs},1] w = {${new Array(inputs).fill(1)}}> { y = MatMul (x, w) }`;
  const student = parseModel(text);
  const options = optionsOf({ qat: 'int8' });
  await expect(
    train({ student, teacher: parseModel(text), examples: examples(), options, rate: 1e-3 }, environment),
  ).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
});
