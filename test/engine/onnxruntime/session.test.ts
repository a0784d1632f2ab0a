// Sessions: weights mapped from files, every element type in and out, profiles, and what is refused.
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createOnnxRuntimeEngine } from '../../../src/engine/index.js';
import { tensorType } from '../../../src/ir/index.js';
import { encodeWithReferences, loadModel, saveModel } from '../../../src/onnx/index.js';
import { type DataType, MemoryTensor, StringTensor, type Tensor, type TypedArray } from '../../../src/tensor/index.js';
import { temporaryFolder } from '../../temporary-folder.js';
import { addOutput, castModel, emptyModel, matMulModel } from './models.js';

const engine = createOnnxRuntimeEngine();
const folder = temporaryFolder();

const rows = 64;
const columns = 96;
/** Row sums of the weights of `matMulModel`: what an input of ones gives. */
const sums = Float32Array.from({ length: columns }, (_, column) => {
  let sum = 0;
  for (let row = 0; row < rows; row++) sum += (row * columns + column) / 8;
  return sum;
});
const ones = new MemoryTensor('float32', [1, rows], new Float32Array(rows).fill(1));

describe('weights', () => {
  it.each(['never', 'always'] as const)(
    'are found in the file of the model (external data: %s)',
    async (externalData) => {
      const path = join(folder, `weights-${externalData}.onnx`);
      await saveModel(matMulModel(rows, columns), path, { externalData });
      for (const model of [path, await loadModel(path)]) {
        const session = await engine.open(model);
        const { y } = await session.run({ x: ones });
        expect(y.shape).toEqual([1, columns]);
        expect(y.read()).toEqual(sums);
        await session.close();
      }
    },
  );

  it('stay in the file: the message holds only structure', async () => {
    const path = join(folder, 'large.onnx');
    await saveModel(matMulModel(512, 512), path);
    const encoded = encodeWithReferences(await loadModel(path));
    expect(encoded.bytes.length).toBeLessThan(1000);
    expect(encoded.folder).not.toBeNull();
    encoded.release();
  });

  it('in memory go to a temporary file when they are many, which goes with the session', async () => {
    const encoded = encodeWithReferences(matMulModel(rows, columns), { inlineLimit: 1000 });
    expect(encoded.bytes.length).toBeLessThan(1000);
    expect(existsSync(join(encoded.folder!, 'weights'))).toBe(true);
    encoded.release();
    expect(existsSync(encoded.folder!)).toBe(false);
  });

  it('come from several folders, one of them behind a symbolic link', async () => {
    const real = join(folder, 'real');
    const linked = join(folder, 'linked');
    mkdirSync(real);
    symlinkSync(real, linked);
    await saveModel(matMulModel(rows, columns), join(real, 'first.onnx'), { externalData: 'always' });
    await saveModel(matMulModel(rows, columns), join(folder, 'second.onnx'));
    const model = await loadModel(join(linked, 'first.onnx'));
    const other = await loadModel(join(folder, 'second.onnx'));
    const weight = model.graph.addInitializer('other', [...other.graph.initializers][0].constant!);
    const { output } = model.graph.append({ opType: 'MatMul', inputs: [model.graph.inputs[0], weight] });
    addOutput(model, output, null);
    const session = await engine.open(model, { lowMemory: true });
    const results = await session.run({ x: ones });
    expect(results.y.read()).toEqual(sums);
    expect(results[output.name].read()).toEqual(sums);
    await session.close();
  });

  it('that changed since the model was loaded are an error', async () => {
    const path = join(folder, 'changing.onnx');
    await saveModel(matMulModel(rows, columns), path);
    const model = await loadModel(path);
    await saveModel(matMulModel(rows, columns + 1), path, { overwrite: true });
    await expect(engine.open(model)).rejects.toMatchObject({ code: 'IO' });
  });
});

describe('element types', () => {
  const bytes = (array: TypedArray) => [...new Uint8Array(array.buffer, array.byteOffset, array.byteLength)];
  const samples: Partial<Record<DataType, { values: TypedArray; float: number[]; opset?: number }>> = {
    uint8: { values: Uint8Array.of(0, 200, 3, 4), float: [0, 200, 3, 4] },
    int64: { values: BigInt64Array.of(-1n, 0n, 5n, 7n), float: [-1, 0, 5, 7] },
    bool: { values: Uint8Array.of(1, 0, 1, 1), float: [1, 0, 1, 1] },
    float16: { values: Uint16Array.of(0x3c00, 0xc000, 0, 0x3800), float: [1, -2, 0, 0.5] },
    bfloat16: { values: Uint16Array.of(0x3f80, 0xc000, 0, 0x3f00), float: [1, -2, 0, 0.5] },
    float8e4m3fn: { values: Uint8Array.of(0x38, 0xc0, 0, 0x30), float: [1, -2, 0, 0.5] },
    float8e5m2: { values: Uint8Array.of(0x3c, 0xc0, 0, 0x38), float: [1, -2, 0, 0.5] },
    int4: { values: Uint8Array.of(0xf1, 0x38), float: [1, -1, -8, 3] },
    uint4: { values: Uint8Array.of(0xf1, 0x38), float: [1, 15, 8, 3] },
    int2: { values: Uint8Array.of(0b01_10_11_00), float: [0, -1, -2, 1], opset: 25 },
    uint2: { values: Uint8Array.of(0b01_10_11_00), float: [0, 3, 2, 1], opset: 25 },
  };
  const float = (values: number[]): Tensor => new MemoryTensor('float32', [4], Float32Array.from(values));

  it.each(Object.keys(samples) as DataType[])('%s goes in', async (dataType) => {
    const { values, float: expected, opset } = samples[dataType]!;
    const session = await engine.open(castModel(dataType, 'float32', [4], opset));
    expect(session.inputs).toEqual([{ name: 'x', type: tensorType(dataType, [4]) }]);
    const { y } = await session.run({ x: new MemoryTensor(dataType, [4], values) });
    expect([...(y.read() as Float32Array)]).toEqual(expected);
    await session.close();
  });

  it.each(Object.keys(samples) as DataType[])('%s comes out', async (dataType) => {
    const { values, float: given, opset } = samples[dataType]!;
    const session = await engine.open(castModel('float32', dataType, [4], opset));
    expect(session.outputs).toEqual([{ name: 'y', type: tensorType(dataType, [4]) }]);
    const { y } = await session.run({ x: float(given) });
    expect(y.dataType).toBe(dataType);
    expect([...y.bytes()]).toEqual(bytes(values));
    await session.close();
  });

  it('strings go in and come out', async () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('string', ['n']));
    addOutput(
      model,
      model.graph.append({ opType: 'Identity', inputs: [x], outputs: ['y'] }).output,
      tensorType('string', ['n']),
    );
    const session = await engine.open(model);
    const values = ['', 'größer', '日本'].map((text) => new TextEncoder().encode(text));
    const { y } = await session.run({ x: new StringTensor([3], values) });
    expect((y as StringTensor).values.map((value) => [...value])).toEqual(values.map((value) => [...value]));
    await session.close();
  });

  it('an output whose type the file does not declare', async () => {
    const path = join(folder, 'undeclared.onnx');
    const model = castModel('float32', 'bfloat16', [4]);
    model.graph.outputs[0].type = null;
    await saveModel(model, path);
    for (const given of [path, model]) {
      const session = await engine.open(given);
      const { y } = await session.run({ x: float([1, -2, 0, 0.5]) });
      expect(y.dataType).toBe('bfloat16');
      expect([...(y.read() as Uint16Array)]).toEqual([0x3f80, 0xc000, 0, 0x3f00]);
      await session.close();
    }
  });

  it('an input that is an output too', async () => {
    const model = castModel('bfloat16', 'float32', [4]);
    model.graph.addOutput(model.graph.inputs[0]);
    const session = await engine.open(model);
    const x = new MemoryTensor('bfloat16', [4], Uint16Array.of(0x3f80, 0, 0, 0));
    const results = await session.run({ x });
    expect([...results.x.bytes()]).toEqual([...x.bytes()]);
    await session.close();
  });

  it('sequences have no type and are not given', async () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('float32', [4]));
    const { output } = model.graph.append({ opType: 'SequenceConstruct', inputs: [x], outputs: ['s'] });
    addOutput(model, output, null);
    addOutput(model, model.graph.append({ opType: 'Neg', inputs: [x], outputs: ['y'] }).output, null);
    const session = await engine.open(model);
    expect(session.outputs[0]).toEqual({ name: 's', type: null });
    expect(Object.keys(await session.run({ x: float([1, 2, 3, 4]) }))).toEqual(['y']);
    await expect(session.run({ x: float([1, 2, 3, 4]) }, ['s'])).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    await session.close();
  });
});

describe('a session', () => {
  it('profiles its runs and leaves no file behind', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('dsopt-profile-'));
    const session = await engine.open(matMulModel(4, 4), { profile: true });
    const x = new MemoryTensor('float32', [1, 4], new Float32Array(4));
    await session.run({ x });
    await session.run({ x });
    const events = await session.profile();
    expect(events.filter(({ opType }) => opType === 'MatMul')).toHaveLength(2);
    expect(events.every(({ microseconds }) => microseconds >= 0)).toBe(true);
    expect(await session.profile()).toBe(events);
    await session.close();
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('dsopt-profile-'))).toEqual(before);
  });

  it('says which input is missing or of the wrong type', async () => {
    const session = await engine.open(matMulModel(4, 4));
    await expect(session.run({})).rejects.toThrow('Input x of the model was not given');
    const wrong = new MemoryTensor('int8', [1, 4], new Int8Array(4));
    await expect(session.run({ x: wrong })).rejects.toThrow('is float32, but int8 was given');
    await expect(session.run({ x: new MemoryTensor('float32', [1, 3], new Float32Array(3)) })).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringMatching(/^onnxruntime cannot run the model: .*Expected: 4/),
    });
    await session.close();
    await session.close();
  });

  it('on a model that onnxruntime refuses gives its reason', async () => {
    const model = emptyModel();
    const x = model.graph.addInput('x', tensorType('float32', [4]));
    addOutput(model, model.graph.append({ opType: 'NoSuchOperator', inputs: [x] }).output, null);
    await expect(engine.open(model)).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      message: expect.stringMatching(/^onnxruntime cannot load the model: .*NoSuchOperator/),
    });
  });
});
