// The weights of a student while it is trained: typed arrays by name, which of them stay zero, and how they get back into the model.
import { findTrainableWeights } from '../../autodiff/index.js';
import type { Feeds } from '../../engine/index.js';
import type { Graph, Model, Value } from '../../ir/index.js';
import type { Random } from '../../numeric/index.js';
import { MemoryTensor, sizeOf, type Tensor } from '../../tensor/index.js';
import { type Projection, projectionName } from '../graphs/training-graph.js';
import type { Weights } from '../optimizers/index.js';
import type { Renormalization } from './renormalization.js';
import type { WeightForm } from './weight-form.js';

/** From this share of zeros on, a matrix was pruned, and its zeros stay. */
const prunedShare = 0.1;
/** Where rounding makes zeros too. */
const roundedShare = 0.5;

/** Forms in which weights are trained. */
export interface TrainedForm {
  readonly form?: WeightForm | null;
  readonly renormalization?: Renormalization | null;
}

/** How many arrays there are for each variable. */
export interface HeldCopies {
  readonly averages: number;
  readonly moments: number;
  readonly checkpoints: boolean;
}

export class TrainedWeights {
  /** In the graph that is trained. */
  readonly names: readonly string[];
  /** All that the optimizer moves: those of the model and of projections; and the statistics of normalization. */
  readonly arrays = new Map<string, Float32Array>();
  private readonly shapes = new Map<string, readonly number[]>();
  private readonly masks = new Map<string, Uint8Array>();

  private readonly form: WeightForm | null;
  private readonly renormalization: Renormalization | null;

  constructor(weights: readonly Value[], { form = null, renormalization = null }: TrainedForm = {}) {
    this.form = form;
    this.renormalization = renormalization;
    this.names = weights.map(({ name }) => name);
    for (const { name, constant } of weights) {
      const values = constant!.readFloat32().slice();
      for (const [variable, own] of form?.variables(name, values) ?? [[name, values] as const]) {
        this.arrays.set(variable, own);
      }
      this.shapes.set(name, constant!.shape);
      const mask = prunedMask(values, constant!.shape, form?.rounds(name) ? roundedShare : prunedShare);
      if (mask) this.masks.set(name, mask);
    }
    for (const [name, values] of renormalization?.statistics() ?? []) this.arrays.set(name, values);
  }

  static of(student: Model, given: TrainedForm = {}): TrainedWeights {
    const { graph } = given.renormalization?.model ?? student;
    return new TrainedWeights(trainedValues(graph, given.form ?? null), given);
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

  /** 1 for what stands for a weight beside it. */
  rankOf(name: string): number {
    return this.shapes.get(name)?.length ?? 1;
  }

  /** Gradients by weights become gradients by what the optimizer moves. */
  pull(gradients: Map<string, Float32Array>): void {
    this.form?.pull(gradients, this.arrays);
  }

  /**
   * Bytes that a training holds whatever its batches are: variables, the best of them so far, `averages` of them, gradients and `moments` of those that are moved, and
   * with `checkpoints` all of that once more while it is written.
   */
  heldBytes({ averages, moments, checkpoints }: HeldCopies): number {
    let [all, moved] = [0, 0];
    for (const [name, { byteLength }] of this.arrays) {
      all += byteLength;
      if (this.form?.moves(name) ?? true) moved += byteLength;
    }
    const state = (2 + averages) * all + moments * moved;
    return (checkpoints ? 2 : 1) * state + moved + (this.form?.heldBytes ?? 0);
  }

  get prunedCount(): number {
    return this.masks.size;
  }

  /** For the graph that is trained: views of the arrays, as they are when the engine reads them. */
  feeds(): Feeds {
    return this.tensors(this.arrays);
  }

  /** For the student as it is. */
  shipped(arrays: Weights = this.arrays): Feeds {
    return this.tensors(this.renormalization?.fold(arrays) ?? arrays);
  }

  /** What a step saw of its batch. */
  observe(batch: Weights): void {
    this.renormalization?.observe(this.arrays, batch);
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
    const tensors = this.shipped();
    for (const value of trainedValues(graph, this.form)) value.constant = tensors[value.name] ?? value.constant;
    this.form?.keep(this.arrays);
  }

  private tensors(arrays: Weights): Feeds {
    return Object.fromEntries([...arrays].map(([name, values]) => [name, this.tensorOf(name, values, arrays)]));
  }

  /** As it is stored: quantized where training was aware of that. */
  private tensorOf(name: string, values: Float32Array, arrays: Weights): Tensor {
    const shape = this.shapes.get(name);
    if (!shape) return new MemoryTensor('float32', [values.length], values);
    return new MemoryTensor('float32', shape, this.form?.weight(name, arrays) ?? values);
  }
}

/** The initializers of `graph` that are trained. */
export function trainedValues(graph: Graph, form: WeightForm | null): Value[] {
  const found = findTrainableWeights(graph);
  if (!form || form.more.size === 0) return found;
  const known = new Set(found);
  return [...found, ...[...graph.initializers].filter((value) => form.more.has(value.name) && !known.has(value))];
}

/** 1 where a weight may be other than zero; null where nothing was pruned. */
function prunedMask(values: Float32Array, shape: readonly number[], share: number): Uint8Array | null {
  if (shape.length < 2 || sizeOf(shape) < 16) return null;
  let zeros = 0;
  for (const value of values) if (value === 0) zeros++;
  if (zeros < share * values.length || zeros === values.length) return null;
  return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
}
