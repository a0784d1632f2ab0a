// The stored forms of weights: found before anything is edited, each once, and added to the graph at their first use.
import type { Model, Value } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import {
  addBlockWeight,
  addPackedWeight,
  type BlockWeight,
  channelBlocks,
  layoutOf,
  type PackedParameters,
  packWeight,
  type QuantizedWeight,
  scanWeight,
  sourceBlocks,
} from '../../src/quantization/index.js';
import { type initializerOwners, ownerOf } from '../../src/rewrite/index.js';
import { packWithSamples } from './calibrated.js';
import type { Settings } from './options.js';
import type { BlockForm, NodePlan, PackedForm, WeightRequest } from './plan.js';

/** What must be known before a weight is stored: scales and multipliers of packed ones, nothing of those in blocks; or why it is not. */
type Found = PackedParameters | null | string;

export class StoredWeights {
  private readonly found = new Map<string, Found>();
  private readonly packedWeights = new Map<string, QuantizedWeight>();
  private readonly blockWeights = new Map<string, BlockWeight>();
  private readonly ids = new Map<Value, number>();

  /** Reads the weights that `plans` ask for, and the samples where the algorithm wants them. */
  async find(plans: readonly NodePlan[], model: Model, options: Settings, context: PassContext): Promise<void> {
    const { algorithm } = options;
    if (algorithm === 'gptq' || (algorithm === 'auto' && context.samples !== null)) {
      const packed = await packWithSamples(plans, model, options, context);
      for (const [request, parameters] of packed) this.found.set(this.keyOf(request), parameters);
      context.record.metric('matricesCompensated', packed.size);
    }
    const pending = new Map<string, Promise<Found>>();
    for (const { requests } of plans) {
      const key = this.keyOf(requests[0]);
      if (!pending.has(key) && !this.found.has(key)) pending.set(key, findWeight(requests[0], options, context));
    }
    for (const [key, found] of pending) this.found.set(key, await found);
  }

  /** Why a weight is not stored; null when it can be. */
  reasonAgainst(request: WeightRequest): string | null {
    const found = this.found.get(this.keyOf(request));
    return typeof found === 'string' ? found : null;
  }

  packed(request: WeightRequest<PackedForm>, owners: ReturnType<typeof initializerOwners>): QuantizedWeight {
    const { source, form } = request;
    const key = this.keyOf(request);
    let weight = this.packedWeights.get(key);
    if (!weight) {
      const parameters = this.found.get(key) as PackedParameters;
      const owner = ownerOf(source.value, owners);
      weight = addPackedWeight(owner, source.value.name, source.tensor, form.layout, parameters);
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
      const tensors = (kind === 'channels' ? channelBlocks : sourceBlocks)(source.tensor, layout, scheme);
      // DequantizeLinear gives what the tensor was; kernels take their scales in the type of the activations.
      const dataType = kind === 'channels' ? source.dataType : source.tensor.dataType;
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

async function findWeight(
  { source, form }: WeightRequest,
  { algorithm }: Settings,
  { workers, signal }: PassContext,
): Promise<Found> {
  const { tensor } = source;
  if (form.kind === 'packed') {
    const scheme = { bits: form.bits, search: algorithm === 'rtn' ? 'rtn' : 'mse' } as const;
    return packWeight(tensor, form.layout, scheme, workers, signal);
  }
  const ranges = await scanWeight(tensor, layoutOf([tensor.size], { kind: 'tensor' }), workers, signal);
  return ranges.nonFiniteCount > 0 ? `element ${ranges.firstNonFinite} of its weight is not a finite number` : null;
}
