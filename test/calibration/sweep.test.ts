// Sweeps hand over what the model computes, sample by sample; observers keep what a direct computation gives.
import { describe, expect, it } from 'vitest';
import { linearOperator } from '../../src/analysis/index.js';
import { ExtremaObserver, GramObserver, observe, SecondMoments, sweep } from '../../src/calibration/index.js';
import { type Feeds, MatrixProducts } from '../../src/engine/index.js';
import { cloneModel, parseModel } from '../../src/ir/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { float32Tensor } from '../../src/tensor/index.js';
import { engine } from '../fixture-models.js';

const model = parseModel(`<ir_version: 8, opset_import: ["" : 17]>
test (float[n,3] x) => (float[n,2] y) <float[3,2] w = {1, 2, 3, 4, 5, 6}> {
  p = MatMul (x, w)
  y = Relu (p)
}`);
const [product, relu] = model.graph.nodes();
const [x] = model.graph.inputs;

/** Of different lengths; the same ones each time. */
async function* samples(): AsyncGenerator<Feeds> {
  const random = createRandom(5);
  for (const rows of [1, 4, 2]) {
    yield {
      x: float32Tensor(
        [rows, 3],
        Float32Array.from({ length: rows * 3 }, () => random.normal()),
      ),
    };
  }
}

async function allRows(): Promise<number[][]> {
  const rows: number[][] = [];
  for await (const { x: tensor } of samples()) {
    const values = [...tensor.readFloat32()];
    for (let i = 0; i < values.length; i += 3) rows.push(values.slice(i, i + 3));
  }
  return rows;
}

describe('sweep', () => {
  it('runs several models in lockstep and gives inputs and inner values', async () => {
    const doubled = cloneModel(model);
    const [w] = doubled.graph.initializers;
    w.constant = float32Tensor([3, 2], [2, 4, 6, 8, 10, 12]);
    const [other] = doubled.graph.nodes();
    const seen: number[] = [];
    const count = await sweep(
      [
        { model, values: [x, product.output] },
        { model: doubled, values: [other.output] },
      ],
      ([first, second], sample) => {
        seen.push(sample);
        expect(first.get(x)!.shape[0]).toBe(first.get(product.output)!.shape[0]);
        const [a, b] = [first.get(product.output)!.readFloat32(), second.get(other.output)!.readFloat32()];
        expect([...b]).toEqual([...a].map((value) => value * 2));
      },
      { engine, samples: samples() },
    );
    expect([count, seen]).toEqual([3, [0, 1, 2]]);
  });

  it('needs samples', async () => {
    const none = (async function* () {})();
    await expect(sweep([{ model, values: [x] }], () => {}, { engine, samples: none })).rejects.toThrow('no samples');
  });

  it('hands on what a visitor throws', async () => {
    const visit = () => {
      throw new RangeError('enough');
    };
    await expect(sweep([{ model, values: [relu.output] }], visit, { engine, samples: samples() })).rejects.toThrow(
      'enough',
    );
  });

  it('ends when it is interrupted', async () => {
    const controller = new AbortController();
    const visit = () => controller.abort();
    const options = { engine, samples: samples(), signal: controller.signal };
    await expect(sweep([{ model, values: [relu.output] }], visit, options)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('observers', () => {
  it('keep extrema of the whole and of each channel', async () => {
    const [whole, channels] = [new ExtremaObserver(), new ExtremaObserver(-1)];
    await observe(
      model,
      [
        [x, whole],
        [x, channels],
      ],
      { engine, samples: samples() },
    );
    const rows = await allRows();
    expect(whole.range).toEqual([Math.min(...rows.flat()), Math.max(...rows.flat())]);
    expect([...channels.least]).toEqual([0, 1, 2].map((i) => Math.min(...rows.map((row) => row[i]))));
    expect([...channels.greatest]).toEqual([0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i]))));
  });

  it('leave out of the range what is not finite', () => {
    const observer = new ExtremaObserver();
    observer.observe(float32Tensor([4], [Number.NEGATIVE_INFINITY, -3, 2, Number.NaN]));
    expect(observer.range).toEqual([-3, 2]);
  });

  it('keep second moments of what an operator sees', async () => {
    const operator = linearOperator(product, model);
    if (operator === null || typeof operator === 'string') throw new Error('not seen as linear');
    const products = new MatrixProducts(engine);
    const gram = new GramObserver(operator, products);
    await observe(model, [[x, gram]], { engine, samples: samples() });
    await gram.finish();
    await products.close();
    const rows = await allRows();
    const [moments] = gram.moments;
    expect(moments.count).toBe(rows.length);
    for (let i = 0; i < 3; i++) {
      expect(moments.sum[i]).toBeCloseTo(
        rows.reduce((sum, row) => sum + row[i], 0),
        5,
      );
      for (let j = 0; j < 3; j++) {
        expect(moments.gram[i * 3 + j]).toBeCloseTo(
          rows.reduce((sum, row) => sum + row[i] * row[j], 0),
          5,
        );
      }
    }
  });

  it('keep moments with targets over more rows than a block holds', async () => {
    const products = new MatrixProducts(engine);
    const moments = new SecondMoments(2, products, 1);
    const rows = 10_000;
    const random = createRandom(1);
    const a = Float32Array.from({ length: rows * 2 }, () => random.normal());
    const t = Float32Array.from({ length: rows }, (_, i) => 3 * a[2 * i] - a[2 * i + 1]);
    for (let start = 0; start < rows; start += 2500) {
      await moments.add(a.subarray(start * 2, (start + 2500) * 2), t.subarray(start, start + 2500));
    }
    await moments.flush();
    await products.close();
    const { gram, cross, count } = moments;
    expect(count).toBe(rows);
    // The least-squares solution of the two normal equations.
    const determinant = gram[0] * gram[3] - gram[1] * gram[2];
    expect((cross[0] * gram[3] - cross[1] * gram[1]) / determinant).toBeCloseTo(3, 5);
    expect((cross[1] * gram[0] - cross[0] * gram[2]) / determinant).toBeCloseTo(-1, 5);
    expect(moments.targetSquares[0]).toBeCloseTo(
      t.reduce((sum, value) => sum + value * value, 0),
      1,
    );
  });
});
