import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type DsoptError, loadModel, quantizeWithin } from '../../src/index.js';
import { writePerceptron } from '../cli/small-models.js';
import { samplesFor } from '../fixture-models.js';
import { temporaryFolder } from '../temporary-folder.js';

const folder = temporaryFolder();

it('finds from the library what the command line finds, and says what it tried', async () => {
  const model = await loadModel(await writePerceptron(folder));
  const tried: string[] = [];
  const run = {
    mode: 'static',
    samples: samplesFor(model),
    measure: false,
    overwrite: true,
    onTried: (line: string) => tried.push(line),
  } as const;
  const output = join(folder, 'within.onnx');
  const size = 1e9;
  const { output: written } = await quantizeWithin(model, output, { ...run, budget: { size } });
  expect(written!.bytes).toBeLessThanOrEqual(size);
  expect(tried[0]).toMatch(/^\d+ of \d+ in float/);
  const missed = quantizeWithin(model, output, { ...run, budget: { size: 1 } });
  expect(await missed.catch((cause: DsoptError) => cause.code)).toBe('THRESHOLD');
  const nothing = quantizeWithin(model, output, run);
  expect(await nothing.catch((cause: DsoptError) => cause.code)).toBe('USAGE');
});
