// The weights of a student while it is trained: typed arrays by name, which of them stay zero, and how they get back into the model.
import { findTrainableWeights } from '../autodiff/index.js';
import type { Feeds } from '../engine/index.js';
import type { Model, Value } from '../ir/index.js';
import type { Random } from '../numeric/index.js';
import { MemoryTensor, sizeOf, type Tensor } from '../tensor/index.js';
import type { FakeQuantizer } from './fake-quantize.js';
import type { Weights } from './optimizers/index.js';
import { type Projection, projectionName } from './training-graph.js';

/** From this share of zeros on, a matrix was pruned, and its zeros stay. */
const prunedShare = 0.1;

export class TrainedWeights {
  /** In the model. */
  readonly names: readonly string[];
  /** All that the optimizer moves: those of the model and of projections. */
  readonly arrays = new Map<string, Float32Array>();
  private readonly shapes = new Map<string, readonly number[]>();
  private readonly masks = new Map<string, Uint8Array>();

  private readonly quantizer: FakeQuantizer | null;

  constructor(weights: readonly Value[], quantizer: FakeQuantizer | null = null) {
    this.quantizer = quantizer;
    this.names = weights.map(({ name }) => name);
    for (const { name, constant } of weights) {
      const values = constant!.readFloat32().slice();
      this.arrays.set(name, values);
      this.shapes.set(name, constant!.shape);
      const mask = prunedMask(values, constant!.shape);
      if (mask) this.masks.set(name, mask);
    }
  }

  static of({ graph }: Model, quantizer: FakeQuantizer | null = null): TrainedWeights {
    return new TrainedWeights(findTrainableWeights(graph), quantizer);
  }

  /** Matrices that learn from zero knowledge: small random numbers. */
  addProjections(projections: ReadonlyMap<string, Projection>, random: Random): void {
    for (const [value, { own, wanted }] of projections) {
      const name = projectionName(value);
      if (this.arrays.has(name)) continue;
      const scale = 1 / Math.sqrt(own);
      const stream = random.fork(name);
      this.arrays.set(
        name,
        Float32Array.from({ length: own * wanted }, () => scale * stream.normal()),
      );
      this.shapes.set(name, [own, wanted]);
    }
  }

  rankOf(name: string): number {
    return this.shapes.get(name)!.length;
  }

  get prunedCount(): number {
    return this.masks.size;
  }

  /** Views of the arrays, as they are when the engine reads them. */
  feeds(arrays: Weights = this.arrays): Feeds {
    const feeds: Record<string, Tensor> = {};
    for (const [name, values] of arrays) feeds[name] = this.tensorOf(name, values);
    return feeds;
  }

  /** Sets what was pruned to zero again. */
  keepZeros(): void {
    for (const [name, mask] of this.masks) {
      const values = this.arrays.get(name)!;
      for (let i = 0; i < mask.length; i++) if (mask[i] === 0) values[i] = 0;
    }
  }

  copy(): Map<string, Float32Array> {
    return new Map([...this.arrays].map(([name, values]) => [name, values.slice()]));
  }

  restore(from: Weights): void {
    for (const [name, values] of from) this.arrays.set(name, values.slice());
  }

  writeTo({ graph }: Model): void {
    for (const value of graph.initializers) {
      const values = this.names.includes(value.name) ? this.arrays.get(value.name) : undefined;
      if (values) value.constant = this.tensorOf(value.name, values);
    }
  }

  /** As it is stored: quantized where training was aware of that. */
  private tensorOf(name: string, values: Float32Array): Tensor {
    return new MemoryTensor('float32', this.shapes.get(name)!, this.quantizer?.apply(name, values) ?? values);
  }
}

/** 1 where a weight may be other than zero; null where nothing was pruned. */
function prunedMask(values: Float32Array, shape: readonly number[]): Uint8Array | null {
  if (shape.length < 2 || sizeOf(shape) < 16) return null;
  let zeros = 0;
  for (const value of values) if (value === 0) zeros++;
  if (zeros < prunedShare * values.length || zeros === values.length) return null;
  return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
}
