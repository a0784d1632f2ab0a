// When enough blocks are gone: by their number, the multiplications or the bytes that are left.
import { countMacs, propagateShapes, weightBytes } from '../../src/analysis/index.js';
import type { Model } from '../../src/ir/index.js';
import { parseShare } from '../../src/pass/index.js';
import { likelyShapes } from '../../src/synthetic/index.js';
import type { Options } from './options.js';

/** Names, attributes and lengths of a node or weight in a file, roughly. */
const bytesPerEntry = 120;
const defaultRatio = 0.2;

export interface LayerTarget {
  readonly measure: 'blocks' | 'macs' | 'bytes';
  /** Whether the model without `removed` blocks is small enough. */
  enough(removed: readonly number[], model: Model): boolean;
  /** The ratio would leave no block. */
  readonly keepsOne?: boolean;
  /** What is left of `measure`, as a share. */
  left(model: Model): number;
}

/** `blocks`: how many may go, of `all` that there are. */
export function layerTarget(
  original: Model,
  blocks: number,
  all: number,
  { ratio, targetMacs, targetBytes }: Options,
): LayerTarget {
  if (targetBytes !== undefined) {
    const before = bytesOf(original);
    const left = (model: Model): number => bytesOf(model) / before;
    return { measure: 'bytes', left, enough: (_, model) => bytesOf(model) <= targetBytes };
  }
  if (targetMacs !== undefined) {
    const before = macsOf(original);
    const most = parseShare(targetMacs);
    const left = (model: Model): number => (before > 0 ? macsOf(model) / before : 1);
    return { measure: 'macs', left, enough: (_, model) => left(model) <= most };
  }
  const wanted = Math.round((ratio ?? defaultRatio) * blocks);
  // A model without any of its blocks is no smaller version of it.
  const count = Math.min(wanted, all - 1);
  return {
    measure: 'blocks',
    left: () => (blocks - count) / blocks,
    enough: ({ length }) => length >= count,
    keepsOne: count < wanted,
  };
}

function bytesOf(model: Model): number {
  return weightBytes(model) + bytesPerEntry * (model.graph.nodeCount + [...model.graph.initializers].length);
}

function macsOf(model: Model): number {
  const shapes = propagateShapes(model, likelyShapes(model));
  return countMacs(model, (value) => shapes.get(value) ?? model.constantOf(value)?.shape ?? null).total;
}
