// The stored forms of weights: found before anything is edited, each once, and added to the graph at their first use.
import type { Model, Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import {
  addBlockWeight,
  addPackedWeight,
  type BlockTensors,
  type BlockWeight,
  channelBlocks,
  divideBlocks,
  findBlocks,
  type KnownParameters,
  layoutOf,
  normalFloatBlocks,
  type PackedParameters,
  packByCodebook,
  packWeight,
  type QuantizedWeight,
  scanWeight,
  sourceBlocks,
} from '../../src/quantization/index.js';
import { type initializerOwners, ownerOf } from '../../src/rewrite/index.js';
import { type CalibratedWeight, type DividedInput, roundWithSamples } from './calibrated.js';
import { divideInput } from './input-scales.js';
import { calibratedAlgorithms, type Settings, searchOf } from './options.js';
import { type BlockForm, type NodePlan, orderOf, type PackedForm, type WeightRequest } from './plan.js';

/**
 * What must be known before a weight is stored: scales and multipliers of packed ones, the tensors of those in blocks unless they are computed
 * while the file is written (null); or why it is not.
 */
type Found = PackedParameters | BlockTensors | null | string;

/** Weights whose multipliers are kept until they are written: 16 MB of them in blocks of 16. */
const mostKept = 2 ** 29;

export class StoredWeights {
  private readonly found = new Map<string, Found>();
  private divided: readonly DividedInput[] = [];
  private readonly calibrated = new Map<string, CalibratedWeight>();
  private readonly packedWeights = new Map<string, QuantizedWeight>();
  private readonly blockWeights = new Map<string, BlockWeight>();
  private readonly ids = new Map<Value, number>();

  /** Reads the weights that `plans` ask for, and the samples where the algorithm wants them. */
  async find(plans: readonly NodePlan[], model: Model, options: Settings, context: PassContext): Promise<void> {
    const algorithms = calibratedAlgorithms(options.algorithm, context.samples !== null);
    if (algorithms.length > 0) {
      const { weights, divided } = await roundWithSamples(plans, model, algorithms, options, context);
      this.divided = divided;
      for (const [request, result] of weights) {
        const key = this.keyOf(request);
        this.found.set(key, typeof result === 'string' ? result : result.stored);
        if (typeof result !== 'string') this.calibrated.set(key, result);
      }
    }
    const pending = new Map<string, Promise<Found>>();
    const saveMemory = plans.reduce((sum, { requests }) => sum + requests[0].source.tensor.size, 0) > mostKept;
    for (const { requests } of plans) {
      const key = this.keyOf(requests[0]);
      if (!pending.has(key) && !this.found.has(key))
        pending.set(key, findWeight(requests[0], saveMemory, options, context));
    }
    for (const [key, found] of pending) this.found.set(key, await found);
  }

  /** Lets inputs be divided by what their weights were multiplied by. Before anything else is edited. */
  divideInputs(plans: Iterable<NodePlan>): void {
    const requests = new Map([...plans].map((plan) => [plan.node, plan.requests[0]]));
    for (const { place, scales } of this.divided) {
      divideInput(place, scales, (node, divisors) => {
        const request = requests.get(node)!;
        const key = this.keyOf(request);
        this.found.set(key, divideChannels(request, this.found.get(key) as PackedParameters | BlockTensors, divisors));
      });
    }
  }

  /** Why a weight is not stored; null when it can be. */
  reasonAgainst(request: WeightRequest): string | null {
    const found = this.found.get(this.keyOf(request));
    return typeof found === 'string' ? found : null;
  }

  /** How a weight was rounded with data, in words; null without. */
  roundingOf(request: WeightRequest): string | null {
    const result = this.calibrated.get(this.keyOf(request));
    if (!result) return null;
    const error = result.errors.get(result.algorithm);
    return error === undefined ? result.algorithm : `${result.algorithm}, ${(100 * error).toPrecision(2)} % error`;
  }

  packed(request: WeightRequest<PackedForm>, owners: ReturnType<typeof initializerOwners>): QuantizedWeight {
    const { source, form } = request;
    const key = this.keyOf(request);
    let weight = this.packedWeights.get(key);
    if (!weight) {
      const parameters = this.found.get(key) as PackedParameters;
      const owner = ownerOf(source.value, owners);
      weight = addPackedWeight(owner, source.value.name, source.tensor, form.layout, parameters, form.coding);
      this.packedWeights.set(key, weight);
    }
    return weight;
  }

  blocks(request: WeightRequest<BlockForm>, owners: ReturnType<typeof initializerOwners>): BlockWeight {
    const { source, form } = request;
    const { kind, layout, scheme } = form;
    const key = this.keyOf(request);
    let weight = this.blockWeights.get(key);
    if (!weight) {
      const known = this.found.get(key) as BlockTensors | null;
      const tensors = known ?? blockTensors(request);
      // DequantizeLinear gives what the tensor was; kernels take their scales in the type of the activations.
      const dataType = kind !== 'source' ? source.dataType : source.tensor.dataType;
      const owner = ownerOf(source.value, owners);
      weight = addBlockWeight(owner, source.value.name, tensors, { layout, scheme, dataType });
      this.blockWeights.set(key, weight);
    }
    return weight;
  }

  private keyOf({ source, form, rows }: WeightRequest): string {
    const { value } = source;
    if (!this.ids.has(value)) this.ids.set(value, this.ids.size);
    return [this.ids.get(value), form.kind, rows, form.kind === 'packed' ? form.bits : form.scheme.bits].join();
  }
}

function blockTensors({ source: { tensor }, form }: WeightRequest<BlockForm>, known?: KnownParameters): BlockTensors {
  const { kind, layout, scheme } = form;
  if (kind === 'normal') return normalFloatBlocks(tensor, layout, scheme.blockSize);
  return (kind === 'channels' ? channelBlocks : sourceBlocks)(tensor, layout, scheme, known);
}

async function findWeight(
  request: WeightRequest,
  saveMemory: boolean,
  { algorithm }: Settings,
  { workers, signal }: PassContext,
): Promise<Found> {
  const { form } = request;
  const { tensor } = request.source;
  if (form.kind === 'packed' && form.codebook) return packByCodebook(tensor, form.layout, workers, signal);
  if (form.kind === 'packed') {
    const scheme = { bits: form.bits, search: searchOf(algorithm), saveMemory };
    return packWeight(tensor, form.layout, scheme, workers, signal);
  }
  const ranges = await scanWeight(tensor, layoutOf([tensor.size], { kind: 'tensor' }), workers, signal);
  if (ranges.nonFiniteCount > 0) return `element ${ranges.firstNonFinite} of its weight is not a finite number`;
  if (form.kind === 'normal') return null;
  const known = await findBlocks(tensor, form.layout, form.scheme, workers, signal);
  return known && blockTensors(request as WeightRequest<BlockForm>, known);
}

/** Output channel n of the weight divided by divisors[n], in its scales. */
function divideChannels(
  { form }: WeightRequest,
  stored: PackedParameters | BlockTensors,
  divisors: Float32Array,
): PackedParameters | BlockTensors {
  if (form.kind !== 'packed') return divideBlocks(stored as BlockTensors, form.layout, orderOf(form), divisors);
  const { scale, ...others } = stored as PackedParameters;
  return { ...others, scale: scale.map((value, channel) => value / divisors[channel]) };
}
