// Products of matrices by an engine: AᵀB of many rows in float32, which is what second moments of activations are made of, and A·B of large
// matrices in float64, several times as fast as in JavaScript.
import { type Graph, Model, tensorType, type Value } from '../ir/index.js';
import { createMatrix, type Matrix } from '../numeric/index.js';
import { MemoryTensor } from '../tensor/index.js';
import type { Engine, Session } from './engine.js';

/** Sessions for AᵀA and AᵀB, opened at first use; close it. Sums are float32 within a call, so hand over some thousand rows at once at most. */
export class MatrixProducts {
  private readonly engine: Engine;
  private readonly threads: number;
  private readonly sessions = new Map<string, Promise<Session>>();

  constructor(engine: Engine, threads = 1) {
    this.engine = engine;
    this.threads = threads;
  }

  /** AᵀA [columns, columns] of A [rows, columns], row-major. */
  async gram(a: Float32Array, columns: number): Promise<Float32Array> {
    return this.run('gram', [[a, columns]]);
  }

  /** AᵀB [columnsA, columnsB] of A [rows, columnsA] and B [rows, columnsB], row-major. */
  async cross(a: Float32Array, columnsA: number, b: Float32Array, columnsB: number): Promise<Float32Array> {
    return this.run('cross', [
      [a, columnsA],
      [b, columnsB],
    ]);
  }

  /** A·B [rows, columnsB] of A [rows, inner] and B [inner, columnsB], row-major. */
  async multiply(a: Float32Array, inner: number, b: Float32Array, columnsB: number): Promise<Float32Array> {
    return this.run('multiply', [
      [a, inner],
      [b, columnsB],
    ]);
  }

  /** A·B in float64. */
  async multiplyExactly(a: Matrix, b: Matrix): Promise<Matrix> {
    const session = await this.session('multiply', 'float64');
    const { product } = await session.run({
      a: new MemoryTensor('float64', [a.rows, a.columns], a.data),
      b: new MemoryTensor('float64', [b.rows, b.columns], b.data),
    });
    return createMatrix(a.rows, b.columns, product.read() as Float64Array<ArrayBuffer>);
  }

  async close(): Promise<void> {
    for (const session of this.sessions.values()) await (await session).close();
    this.sessions.clear();
  }

  private async run(kind: ProductKind, operands: readonly (readonly [Float32Array, number])[]): Promise<Float32Array> {
    const session = await this.session(kind, 'float32');
    const feeds = Object.fromEntries(
      operands.map(([values, columns], index) => [
        operandNames[index],
        new MemoryTensor('float32', [values.length / columns, columns], values),
      ]),
    );
    const { product } = await session.run(feeds);
    return product.read() as Float32Array;
  }

  private session(kind: ProductKind, dataType: ProductType): Promise<Session> {
    const key = `${kind} ${dataType}`;
    let session = this.sessions.get(key);
    if (!session) {
      session = this.engine.open(productModel(kind, dataType), { threads: this.threads });
      this.sessions.set(key, session);
    }
    return session;
  }
}

type ProductKind = 'gram' | 'cross' | 'multiply';
type ProductType = 'float32' | 'float64';

const operandNames = ['a', 'b'] as const;

function productModel(kind: ProductKind, dataType: ProductType): Model {
  const model = new Model();
  model.irVersion = 8;
  model.opsetImports.set('', 13);
  const { graph } = model;
  const a = matrixInput(graph, 'a', dataType);
  const b = kind === 'gram' ? a : matrixInput(graph, 'b', dataType);
  const left = kind === 'multiply' ? a : graph.append({ opType: 'Transpose', inputs: [a] }).output;
  const product = graph.append({ opType: 'MatMul', inputs: [left, b], outputs: ['product'] }).output;
  product.type = tensorType(dataType, [null, null]);
  graph.addOutput(product);
  return model;
}

function matrixInput(graph: Graph, name: string, dataType: ProductType): Value {
  return graph.addInput(name, tensorType(dataType, [null, null]));
}
