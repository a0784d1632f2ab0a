// The weights that plans ask for, grouped so that each is scanned and stored once.
import type { Graph, Value } from '../../src/ir/index.js';
import type { ConstantSource } from '../../src/ops/index.js';
import type { Workers } from '../../src/parallel/index.js';
import {
  computeParameters,
  computeSaturationFreeParameters,
  layoutOf,
  type QuantizationLayout,
  type QuantizationParameters,
  type QuantizationScheme,
  QuantizedWeight,
  quantizedTensor,
  scanWeight,
  scanWeightPairs,
  unitePairRanges,
  type ValueRanges,
} from '../../src/quantization/index.js';
import type { Options } from './options.js';
import type { NodePlan, WeightRequest } from './plan.js';

/** One stored tensor and the requests that it answers. */
export interface WeightGroup {
  readonly source: ConstantSource;
  /** One channel per scale. */
  readonly layout: QuantizationLayout;
  readonly scheme: QuantizationScheme;
  /** Its scales come from the sums of neighbours, so that no product saturates. */
  readonly saturationFree: boolean;
  readonly kernelSize: number | undefined;
  readonly transposed: boolean;
}

/** Largest weight that is transposed while it is written, which holds its integers in memory; beyond, a Transpose node does it. */
const mostTransposed = 64 << 20;

/** Groups the requests of `plans` by tensor, channels and type. */
export function groupRequests(plans: Iterable<NodePlan>, options: Options): ReadonlyMap<WeightRequest, WeightGroup> {
  const requests = [...plans].flatMap((plan) => plan.requests);
  const tables = new Map<Value, WeightRequest>();
  for (const request of requests) if (request.use === 'table') tables.set(request.source.value, request);
  const ids = new Map<Value, number>();
  const members = new Map<string, WeightRequest[]>();
  for (const request of requests) {
    const { value } = request.source;
    const { dataType, symmetric } = schemeOf(request, tables.get(value), options);
    if (!ids.has(value)) ids.set(value, ids.size);
    const { outer, channels, inner } = request.layout;
    const key = [ids.get(value), outer, channels, inner, dataType, symmetric].join();
    members.set(key, [...(members.get(key) ?? []), request]);
  }
  const groups = new Map<WeightRequest, WeightGroup>();
  for (const group of members.values()) {
    const made = makeGroup(group, schemeOf(group[0], tables.get(group[0].source.value), options), options);
    for (const request of group) groups.set(request, made);
  }
  return groups;
}

/** Type and symmetry: another user of a table takes the table's, so that it is stored once. */
function schemeOf(request: WeightRequest, table: WeightRequest | undefined, options: Options) {
  const { dataType = options.weightType, symmetric = options.symmetric } = table?.scheme ?? request.scheme ?? {};
  return { dataType, symmetric };
}

function makeGroup(
  requests: readonly WeightRequest[],
  { dataType, symmetric }: ReturnType<typeof schemeOf>,
  { granularity, reduceRange }: Options,
): WeightGroup {
  const [{ source, layout }] = requests;
  const perChannel = granularity === 'channel' || requests.some((request) => request.granularity === 'channel');
  const isFactor = requests.some(({ use }) => use === 'product');
  // Products with uint8 weights cannot saturate.
  const saturationFree = isFactor && dataType === 'int8' && reduceRange === 'auto';
  return {
    source,
    layout,
    scheme: {
      dataType,
      symmetric: symmetric ?? !saturationFree,
      granularity: perChannel ? { kind: 'channel', axis: 1 } : { kind: 'tensor' },
      reducedRange: isFactor && reduceRange === 'on',
    },
    saturationFree,
    kernelSize: requests.every(({ kernelSize }) => kernelSize === requests[0].kernelSize)
      ? requests[0].kernelSize
      : undefined,
    transposed: requests.every(({ transposed }) => transposed) && source.tensor.size <= mostTransposed,
  };
}

/** Scales and zero points of a weight, or the reason why it has none. */
export async function measureWeight(
  { source: { tensor }, layout, scheme, saturationFree }: WeightGroup,
  workers: Workers,
  signal: AbortSignal,
): Promise<QuantizationParameters | string> {
  const perTensor = scheme.granularity.kind === 'tensor';
  if (saturationFree) {
    const ranges = await scanWeightPairs(tensor, layout, workers, signal);
    return (
      reasonAgainst(ranges) ??
      computeSaturationFreeParameters(perTensor ? unitePairRanges(ranges) : ranges, scheme.symmetric)
    );
  }
  const scanned = perTensor ? layoutOf([tensor.size], scheme.granularity) : layout;
  const ranges = await scanWeight(tensor, scanned, workers, signal);
  return reasonAgainst(ranges) ?? computeParameters(ranges, scheme);
}

function reasonAgainst({ nonFiniteCount, firstNonFinite }: ValueRanges): string | null {
  return nonFiniteCount === 0 ? null : `element ${firstNonFinite} of its weight is not a finite number`;
}

/** Adds the integers to the graph that owns the float weight. */
export function storeWeight(group: WeightGroup, parameters: QuantizationParameters, owner: Graph): QuantizedWeight {
  const { source, layout, scheme, kernelSize, transposed } = group;
  const elements = scheme.granularity.kind === 'tensor' ? layoutOf([source.tensor.size], scheme.granularity) : layout;
  const integers = quantizedTensor(source.tensor, elements, parameters, { transposed, kernelSize });
  const { name } = source.value;
  const value = owner.addInitializer(`${name}_${parameters.dataType}`, integers);
  return new QuantizedWeight(owner, name, value, parameters, { transposed });
}
