// Products of tall matrices by an engine: AᵀB of many rows, which is what second moments of activations are made of.
import { type Graph, Model, tensorType, type Value } from '../ir/index.js';
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

  async close(): Promise<void> {
    for (const session of this.sessions.values()) await (await session).close();
    this.sessions.clear();
  }

  private async run(kind: ProductKind, operands: readonly (readonly [Float32Array, number])[]): Promise<Float32Array> {
    let session = this.sessions.get(kind);
    if (!session) {
      session = this.engine.open(productModel(kind), { threads: this.threads });
      this.sessions.set(kind, session);
    }
    const feeds = Object.fromEntries(
      operands.map(([values, columns], index) => [
        operandNames[index],
        new MemoryTensor('float32', [values.length / columns, columns], values),
      ]),
    );
    const { product } = await (await session).run(feeds);
    return product.read() as Float32Array;
  }
}

type ProductKind = 'gram' | 'cross' | 'multiply';

const operandNames = ['a', 'b'] as const;

function productModel(kind: ProductKind): Model {
  const model = new Model();
  model.irVersion = 8;
  model.opsetImports.set('', 13);
  const { graph } = model;
  const a = matrixInput(graph, 'a');
  const b = kind === 'gram' ? a : matrixInput(graph, 'b');
  const left = kind === 'multiply' ? a : graph.append({ opType: 'Transpose', inputs: [a] }).output;
  const product = graph.append({ opType: 'MatMul', inputs: [left, b], outputs: ['product'] }).output;
  product.type = tensorType('float32', [null, null]);
  graph.addOutput(product);
  return model;
}

function matrixInput(graph: Graph, name: string): Value {
  return graph.addInput(name, tensorType('float32', [null, null]));
}
