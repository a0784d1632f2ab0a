// Quantization-aware training of a quantized model (Jacob et al. 2018; scales by LSQ, Esser et al. 2020): the integers behind DequantizeLinear become floats that
// count steps. The graph is fed whole steps times scales, the optimizer moves steps and scales, and what the graph was fed is what is written back.
import { throwIfAborted } from '../../errors.js';
import { cloneModel, type Model, type Node, type Value } from '../../ir/index.js';
import { constantSource } from '../../ops/index.js';
import { float32Tensor, sizeOf, type Tensor } from '../../tensor/index.js';
import type { Weights } from '../optimizers/index.js';
import { floatBlockProducts } from './block-products.js';
import { floatOrigin, stepsBefore } from './float-origins.js';
import { limitsOf, storedIntegers, wholeSteps } from './integer-grid.js';
import { floatWeights } from './integer-products.js';
import { decodedValues, decodedWeight, type IntegerWeight, scalesThatStay } from './integer-weight.js';
import { isScaleOfActivations } from './learned-scales.js';
import { isOscillation, type Oscillations, oscillationNames, seeInteger, startOscillations } from './oscillations.js';
import type { WeightForm } from './weight-form.js';

/** So many steps of a grid are moved at the pace of a weight of float, of which a matrix in 4 bits has a few in a tenth. */
const pace = 20;
/** Logarithms of scales are moved at so many times the pace of a weight of float. */
const scalePace = 10;

/** Trained logarithm of a scale, in proportion to what it was. */
function scaleVariable(weight: string): string {
  return `${weight}/scale`;
}

function factorOf(logarithm: number): number {
  return Math.exp(scalePace * logarithm);
}

export interface IntegerWeightOptions {
  /** Whether scales are trained. */
  readonly learnScales: boolean;
  /** Whether integers of weights stay as they are, so that scales, biases and what is float are trained alone. */
  readonly keepIntegers?: boolean;
  /** The model before it was quantized, where its weights are to be started from. */
  readonly original?: Model | null;
  readonly signal: AbortSignal;
}

export class IntegerWeights implements WeightForm {
  /** The model with floats in place of integers. */
  readonly model: Model;
  readonly more: ReadonlySet<string>;
  private readonly weights: ReadonlyMap<string, IntegerWeight>;
  /** What the scales of activations were. */
  private readonly activations: ReadonlyMap<string, Float32Array>;
  /** Weight by the name of its scale. */
  private readonly byScale: ReadonlyMap<string, string>;
  /** Float weights before they were rounded, by weight. */
  private readonly origins: ReadonlyMap<string, Float32Array>;
  private readonly keepsIntegers: boolean;
  private readonly buffers = new Map<string, Float32Array>();
  private kept: Weights | null = null;

  private constructor(
    model: Model,
    weights: ReadonlyMap<string, IntegerWeight>,
    activations: ReadonlyMap<string, Float32Array>,
    origins: ReadonlyMap<string, Float32Array>,
    keepsIntegers: boolean,
  ) {
    this.model = model;
    this.origins = origins;
    this.keepsIntegers = keepsIntegers;
    this.weights = weights;
    this.activations = activations;
    this.more = new Set(activations.keys());
    this.byScale = new Map([...weights].flatMap(([name, { scale, learned }]) => (learned ? [[scale, name]] : [])));
  }

  /** null where the model has none. */
  static of(
    quantized: Model,
    { learnScales, keepIntegers = false, original = null, signal }: IntegerWeightOptions,
  ): IntegerWeights | null {
    const model = cloneModel(quantized);
    const { graph } = model;
    const weights = new Map<string, IntegerWeight>();
    const latents = new Map<Node, Value>();
    const add = (name: string, weight: IntegerWeight, integers: Tensor): Value => {
      const latent = graph.addInitializer(
        `training/${name}`,
        float32Tensor(weight.shape, decodedValues(weight, integers)),
      );
      weights.set(latent.name, weight);
      return latent;
    };
    floatWeights(graph, learnScales, add);
    floatBlockProducts(graph, learnScales, add);
    const nodes = [...graph.nodes()].filter((each) => each.is('DequantizeLinear'));
    const fixed = learnScales ? scalesThatStay(nodes) : null;
    for (const node of nodes) {
      throwIfAborted(signal);
      const weight = decodedWeight(node, fixed);
      if (weight) latents.set(node, add(node.output.name, weight, constantSource(node.input(0))!.tensor));
    }
    const scales = [...graph.initializers].filter(
      (value) => fixed !== null && !fixed.has(value.name) && isScaleOfActivations(value),
    );
    for (const [node, latent] of latents) {
      for (const use of [...node.output.uses]) use.node.replaceInput(use.index, latent);
    }
    if (weights.size === 0) return null;
    const activations = new Map(scales.map(({ name, constant }) => [name, constant!.readFloat32().slice()]));
    const origins = new Map<string, Float32Array>();
    for (const latent of original && !keepIntegers ? graph.initializers : []) {
      const origin = weights.has(latent.name) ? floatOrigin(latent, original!) : null;
      if (origin) origins.set(latent.name, origin);
    }
    return new IntegerWeights(model, weights, activations, origins, keepIntegers);
  }

  rounds(name: string): boolean {
    return this.weights.has(name);
  }

  variables(name: string, values: Float32Array): Weights | null {
    if (this.activations.has(name)) return new Map([[name, new Float32Array(1)]]);
    const weight = this.weights.get(name);
    if (!weight || weight.fine) return null;
    const { scales, scaleOf } = weight;
    const origin = this.origins.get(name);
    const integers = values.map((value, i) => Math.round(value / scales[scaleOf(i)]) || 0);
    const steps = integers.map(
      (integer, i) => (origin ? stepsBefore(integer, origin[i] / scales[scaleOf(i)]) : integer) / pace,
    );
    const own = new Map<string, Float32Array>([[name, steps]]);
    if (!this.keepsIntegers) {
      const { tracks, means } = startOscillations(integers);
      const names = oscillationNames(name);
      own.set(names.tracks, tracks).set(names.means, means);
    }
    if (weight.learned) own.set(scaleVariable(name), new Float32Array(weight.storedScales.length));
    return own;
  }

  moves(variable: string): boolean {
    if (isOscillation(variable)) return false;
    return !(this.keepsIntegers && this.weights.get(variable)?.fine === false);
  }

  /** Of the decoded weights, and of those before they were rounded. */
  get heldBytes(): number {
    const decoded = [...this.weights.values()].reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
    return decoded + [...this.origins.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  weight(name: string, variables: Weights): Float32Array {
    const values = variables.get(name)!;
    const activation = this.activations.get(name);
    if (activation) return Float32Array.of(activation[0] * factorOf(values[0]));
    const weight = this.weights.get(name);
    if (!weight) return values;
    const result = this.buffers.get(name) ?? new Float32Array(values.length);
    this.buffers.set(name, result);
    const scales = this.scalesOf(name, weight, variables);
    for (let i = 0; i < values.length; i++) {
      const scale = scales[weight.scaleOf(i)];
      result[i] = scale * wholeSteps(weight, i, weight.fine ? values[i] / scale : values[i] * pace);
    }
    return result;
  }

  pull(gradients: Map<string, Float32Array>, variables: Weights): void {
    for (const [name, gradient] of [...gradients]) {
      const activation = this.activations.get(name);
      if (activation)
        gradients.set(
          name,
          gradient.map((g) => g * activation[0] * factorOf(variables.get(name)![0]) * scalePace),
        );
      const weight = this.weights.get(name);
      if (!weight || weight.fine) continue;
      const steps = variables.get(name)!;
      const scales = this.scalesOf(name, weight, variables);
      const oscillations = this.oscillationsOf(name, variables);
      const own = new Float32Array(steps.length);
      const ofScales = new Float32Array(weight.storedScales.length);
      for (let i = 0; i < steps.length; i++) {
        const at = weight.scaleOf(i);
        const [low, high] = limitsOf(weight, i);
        const place = steps[i] * pace;
        const whole = wholeSteps(weight, i, place);
        ofScales[weight.storedOf(at)] += gradient[i] * scales[at] * whole * scalePace;
        const fixed = oscillations && seeInteger(oscillations, i, whole);
        if (fixed !== null) steps[i] = fixed / pace;
        else if (place >= low - 0.5 && place <= high + 0.5) own[i] = gradient[i] * scales[at] * pace;
      }
      if (this.keepsIntegers) gradients.delete(name);
      else gradients.set(name, own);
      if (weight.learned) gradients.set(scaleVariable(name), ofScales);
    }
  }

  private oscillationsOf(name: string, variables: Weights): Oscillations | null {
    const names = oscillationNames(name);
    const [tracks, means] = [variables.get(names.tracks), variables.get(names.means)];
    return tracks && means ? { tracks, means } : null;
  }

  keep(variables: Weights): void {
    this.kept = new Map([...variables].map(([name, values]) => [name, values.slice()]));
  }

  /** Puts integers and scales as they were trained into `quantized`; gives the nodes that use those that changed. */
  writeTo(quantized: Model): Set<Node> {
    const changed = new Set<Node>();
    const variables = this.kept;
    if (!variables) return changed;
    const initializers = new Map([...quantized.graph.initializers].map((value) => [value.name, value]));
    const write = (name: string, tensor: NonNullable<Value['constant']>): void => {
      const value = initializers.get(name)!;
      if (Buffer.compare(Buffer.from(tensor.bytes()), Buffer.from(value.constant!.bytes())) === 0) return;
      value.constant = tensor;
      for (const node of consumers(value)) changed.add(node);
    };
    for (const name of this.activations.keys()) {
      write(name, float32Tensor(initializers.get(name)!.constant!.shape, this.weight(name, variables)));
    }
    for (const [name, weight] of this.weights) {
      const values = variables.get(name);
      // Decoded, but no parameter: a factor, say.
      if (!values) continue;
      const scales = this.scalesOf(name, weight, variables);
      const { fine, product, scaleOf, learned } = weight;
      const steps = values.map((value, i) => (fine ? value / scales[scaleOf(i)] : value * pace));
      write(weight.holder, storedIntegers(weight, steps));
      if (!learned && !product) continue;
      const stored = learned ? this.storedScales(name, weight, variables) : scales;
      write(weight.scale, float32Tensor(initializers.get(weight.scale)!.constant!.shape, stored));
    }
    return changed;
  }

  private scalesOf(
    name: string,
    { scales, storedOf, learned, product }: IntegerWeight,
    variables: Weights,
  ): Float32Array {
    if (product) {
      const [activation] = this.activations.has(product.activation) ? this.weight(product.activation, variables) : [1];
      const owner = this.byScale.get(product.weight);
      const factors = owner === undefined ? null : variables.get(scaleVariable(owner))!;
      const before = this.activations.get(product.activation)?.[0] ?? 1;
      return scales.map(
        (scale, i) => (scale * activation * factorOf(factors?.[factors.length === 1 ? 0 : i] ?? 0)) / before,
      );
    }
    if (!learned) return scales;
    const logarithms = variables.get(scaleVariable(name))!;
    return scales.map((scale, position) => scale * factorOf(logarithms[storedOf(position)]));
  }

  private storedScales(name: string, { storedScales }: IntegerWeight, variables: Weights): Float32Array {
    const logarithms = variables.get(scaleVariable(name))!;
    return storedScales.map((scale, i) => scale * factorOf(logarithms[i]));
  }
}

/** The nodes behind those that decode. */
function consumers(value: Value): Node[] {
  return [...value.uses].flatMap(({ node }) => (decodes(node) ? consumers(node.output) : [node]));
}

function decodes(node: Node): boolean {
  if (node.is('Mul')) return node.inputs.every((input) => constantSource(input) !== null);
  return node.is('Cast', 'DequantizeLinear', 'Reshape', 'Transpose');
}
