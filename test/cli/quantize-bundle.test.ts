import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadModel } from '../../src/index.js';
import { temporaryFolder } from '../temporary-folder.js';
import { runCli } from './run-cli.js';
import { writePerceptron } from './small-models.js';

const folder = temporaryFolder();
let model: string;
beforeAll(async () => {
  model = await writePerceptron(folder);
});

describe('--dtypes', () => {
  test('writes one file a form under the names of transformers.js, and tells config.json', async () => {
    const config = join(folder, 'config.json');
    writeFileSync(config, JSON.stringify({ model_type: 'mlp', 'transformers.js_config': { kv_cache_dtype: 'fp16' } }));
    const output = join(folder, 'onnx');
    const { code, stdout } = await runCli([
      ...[
        'quantize',
        model,
        '--dtypes',
        'q4,fp16,q8,q4f16,q2,q2f16,bnb4,fp32',
        '--layout',
        'transformers.js',
        '-o',
        output,
      ],
      ...['--external-data', 'always', '--no-measure'],
    ]);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(8);
    const models = ['', '_bnb4', '_fp16', '_q2', '_q2f16', '_q4', '_q4f16', '_quantized'].map(
      (suffix) => `model${suffix}.onnx`,
    );
    expect(readdirSync(output).filter((name) => name.endsWith('.onnx'))).toEqual(models);
    for (const name of models) expect(existsSync(join(output, `${name}_data`)), name).toBe(true);
    const types = async (name: string) => {
      const { graph } = await loadModel(join(output, name));
      return new Set([...graph.initializers].map(({ constant }) => constant?.dataType));
    };
    expect(await types('model_q4.onnx')).toContain('int4');
    expect(await types('model_q4f16.onnx')).toContain('float16');
    expect(await types('model_quantized.onnx')).toContain('int8');
    expect(JSON.parse(readFileSync(config, 'utf8'))).toEqual({
      model_type: 'mlp',
      'transformers.js_config': {
        kv_cache_dtype: 'fp16',
        dtype: 'q4',
        use_external_data_format: Object.fromEntries(models.map((name) => [name, 1])),
      },
    });
  });

  test('gives one JSON object, and a report for each form', async () => {
    const output = join(folder, 'json', 'onnx');
    const { code, stdout } = await runCli([
      ...['quantize', model, '--dtypes', 'q4,fp16', '-o', output, '--no-verify', '--json'],
      ...['--report', join(folder, 'report.md'), '--report', join(folder, 'report.json')],
    ]);
    expect(code).toBe(0);
    const bundle = JSON.parse(stdout);
    expect(bundle).toMatchObject({ schema: 'dsopt.bundle/1', config: join(folder, 'config.json') });
    expect(Object.keys(bundle.reports)).toEqual(['q4', 'fp16']);
    for (const dtype of ['q4', 'fp16']) {
      expect(bundle.reports[dtype].output.path).toBe(join(output, `model_${dtype}.onnx`));
      expect(readFileSync(join(folder, `report.${dtype}.md`), 'utf8')).toContain('| files |');
      expect(JSON.parse(readFileSync(join(folder, `report.${dtype}.json`), 'utf8'))).toEqual(bundle.reports[dtype]);
    }
  });

  test('leaves the forms of other models in the folder what they are', async () => {
    const own = join(folder, 'several');
    mkdirSync(join(own, 'onnx'), { recursive: true });
    writeFileSync(join(own, 'onnx', 'decoder_model_merged.onnx'), '');
    const config = join(own, 'config.json');
    writeFileSync(config, '{}');
    const flags = ['quantize', model, '-o', join(own, 'onnx'), '--no-verify', '--dtypes'];
    expect((await runCli([...flags, 'fp16'])).code).toBe(0);
    expect(JSON.parse(readFileSync(config, 'utf8'))).toEqual({
      'transformers.js_config': { dtype: { model: 'fp16' } },
    });
    const dtype = { decoder_model_merged: 'q4', model: 'fp16' };
    writeFileSync(config, JSON.stringify({ 'transformers.js_config': { dtype } }));
    expect((await runCli([...flags, 'q8'])).code).toBe(0);
    expect(JSON.parse(readFileSync(config, 'utf8'))).toEqual({
      'transformers.js_config': { dtype: { ...dtype, model: 'q8' } },
    });
  });

  test('tells of data files file by file, whatever was said before in whichever form', async () => {
    const own = join(folder, 'told');
    mkdirSync(own);
    const config = join(own, 'config.json');
    const flags = ['quantize', model, '-o', join(own, 'onnx'), '--no-verify', '--overwrite', '--dtypes'];
    const told = async (known: unknown, ...more: readonly string[]): Promise<unknown> => {
      const settings = { use_external_data_format: known, device_config: { wasm: { use_external_data_format: 1 } } };
      writeFileSync(config, JSON.stringify({ 'transformers.js_config': settings }));
      expect((await runCli([...flags, ...more])).code).toBe(0);
      const written = JSON.parse(readFileSync(config, 'utf8'))['transformers.js_config'];
      expect(written.device_config).toEqual({ wasm: {} });
      return written.use_external_data_format;
    };
    expect(await told(true, 'fp16')).toBeUndefined();
    expect(await told(2, 'q8', '--external-data', 'always')).toEqual({ 'model_quantized.onnx': 1 });
    const others = { model: true, 'model_q4.onnx': 3, 'model_fp16.onnx': 2 };
    expect(await told(others, 'uint8')).toEqual({
      ...others,
      'model_fp16.onnx': 0,
      'model_uint8.onnx': 0,
      'model_quantized.onnx': 1,
    });
  });

  test.each([
    [['--dtypes', 'q4,q9'], 'q9 is none of: fp32, fp16, q8'],
    [['--dtypes', 'q4', '--mode', 'dynamic'], 'exclude each other'],
    [['--dtypes', 'q4', '--bits', '4'], '--bits is not for --dtypes'],
    [['--dtypes', 'q4', '-o', 'x.onnx'], 'writes into a folder'],
  ])('refuses %j', async (flags, message) => {
    const { code, stderr } = await runCli(['quantize', model, ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test('leaves a config.json alone that is no JSON', async () => {
    const own = join(folder, 'damaged');
    mkdirSync(own);
    writeFileSync(join(own, 'config.json'), '{');
    const { code, stderr } = await runCli(['quantize', model, '--dtypes', 'fp16', '-o', join(own, 'onnx')]);
    expect(code).toBe(2);
    expect(stderr).toContain('config.json is no JSON');
    expect(readFileSync(join(own, 'config.json'), 'utf8')).toBe('{');
  });
});
