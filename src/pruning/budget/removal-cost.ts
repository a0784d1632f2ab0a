// What a model costs when some units of each group are gone: multiply-accumulates, bytes of weights, or units, without removing anything yet.
import { type ChannelGroup, type ChannelStructure, propagateShapes } from '../../analysis/index.js';
import type { Node, Value } from '../../ir/index.js';
import { isMultiplying, macsOf } from '../../ops/index.js';
import { likelyShapes } from '../../synthetic/index.js';

export type CostMeasure = 'macs' | 'padded-macs' | 'bytes' | 'units';

/** Units that are gone, by group. */
export type RemovedCounts = ReadonlyMap<ChannelGroup, number>;

type Axis = ChannelStructure['relations']['allAxes'][number];

/** Multiply-accumulates that take as long as writing one element of an output, measured with onnxruntime 1.30 on AVX-512. */
const macsPerElement = 32;

interface Part {
  readonly groups: ReadonlySet<ChannelGroup>;
  cost(removed: RemovedCounts): number;
}

export class RemovalCost {
  private readonly parts: Part[];
  private readonly byGroup = new Map<ChannelGroup, Part[]>();

  private constructor(parts: Part[], groups: readonly ChannelGroup[]) {
    this.parts = parts;
    for (const group of groups)
      this.byGroup.set(
        group,
        parts.filter((part) => part.groups.has(group)),
      );
  }

  /** Dynamic axes of inputs are taken as long as they likely are. `channelBlock`: for padded multiply-accumulates, see `padded`. */
  static of(structure: ChannelStructure, measure: CostMeasure, channelBlock = 16): RemovalCost {
    if (measure === 'units') return RemovalCost.ofUnits(structure.groups);
    const lengths = new AxisLengths(structure);
    const parts =
      measure === 'bytes'
        ? byteParts(structure, lengths)
        : macParts(structure, lengths, measure === 'padded-macs' ? channelBlock : null);
    return new RemovalCost(parts, structure.groups);
  }

  /** The number of units that are left. */
  static ofUnits(groups: readonly ChannelGroup[]): RemovalCost {
    const parts = groups.map(
      (group): Part => ({
        groups: new Set([group]),
        cost: (removed) => group.units.length - (removed.get(group) ?? 0),
      }),
    );
    return new RemovalCost(parts, groups);
  }

  total(removed: RemovedCounts): number {
    return this.parts.reduce((sum, part) => sum + part.cost(removed), 0);
  }

  /** What the nodes and weights that `group` touches cost. */
  around(group: ChannelGroup, removed: RemovedCounts): number {
    return (this.byGroup.get(group) ?? []).reduce((sum, part) => sum + part.cost(removed), 0);
  }

  /** Groups that share a node or a weight with `group`. */
  neighbours(group: ChannelGroup): Set<ChannelGroup> {
    return new Set((this.byGroup.get(group) ?? []).flatMap((part) => [...part.groups]));
  }
}

/** How long axes are when units are gone. */
class AxisLengths {
  private readonly perUnit = new Map<Axis, Map<ChannelGroup, number>>();

  constructor({ relations, groups }: ChannelStructure) {
    const byUnit = new Map(groups.flatMap((group) => group.units.map((unit) => [unit, group] as const)));
    for (const axis of relations.allAxes) {
      for (let at = 0; at < (axis.length ?? 0); at++) {
        const group = byUnit.get(relations.classes.find(axis.first + at));
        if (!group) continue;
        const counts = this.perUnit.get(axis) ?? new Map<ChannelGroup, number>();
        this.perUnit.set(axis, counts);
        counts.set(group, (counts.get(group) ?? 0) + 1 / group.units.length);
      }
    }
  }

  groupsOf(axes: readonly Axis[]): ChannelGroup[] {
    return axes.flatMap((axis) => [...(this.perUnit.get(axis)?.keys() ?? [])]);
  }

  length(axis: Axis, known: number, removed: RemovedCounts): number {
    let length = known;
    for (const [group, perUnit] of this.perUnit.get(axis) ?? []) length -= perUnit * (removed.get(group) ?? 0);
    return Math.round(length);
  }
}

function byteParts({ relations }: ChannelStructure, lengths: AxisLengths): Part[] {
  const seen = new Set<Value>();
  const parts: Part[] = [];
  for (const { value, axes } of relations.operands) {
    const tensor = relations.model.constantOf(value);
    if (!tensor || seen.has(value) || tensor.size === 0) continue;
    seen.add(value);
    const width = tensor.byteLength / tensor.size;
    parts.push({
      groups: new Set(lengths.groupsOf(axes)),
      cost: (removed) => axes.reduce((size, axis, at) => size * lengths.length(axis, tensor.shape[at], removed), width),
    });
  }
  return parts;
}

function macParts({ relations }: ChannelStructure, lengths: AxisLengths, channelBlock: number | null): Part[] {
  const { model } = relations;
  const known = propagateShapes(model, likelyShapes(model));
  const axesAt = (node: Node, index: number) => relations.operand(node, index);
  return [...model.graph.nodes()].filter(isMultiplying).map((node): Part => {
    const sides = [...node.inputs.keys()].map((index) => axesAt(node, index));
    const output = node.outputs[0] && relations.axes(node.outputs[0]);
    return {
      groups: new Set(lengths.groupsOf([...sides.flatMap((axes) => axes ?? []), ...(output ?? [])])),
      cost(removed) {
        const shapeOf = (value: Value): number[] | null => {
          const index = node.inputs.indexOf(value);
          const axes = index >= 0 ? sides[index] : output;
          const shape = model.constantOf(value)?.shape ?? known.get(value);
          if (!shape || axes?.length !== shape.length) return shape ? [...shape] : null;
          return shape.map((length, at) => lengths.length(axes[at], length, removed));
        };
        if (channelBlock === null) return macsOf(node, shapeOf) ?? 0;
        const blocks = padded(node, shapeOf, channelBlock);
        const macs = macsOf(node, blocks) ?? 0;
        const written = blocks(node.output)?.reduce((size, length) => size * length, 1) ?? 0;
        // Without channels to sum over the node is gone.
        return macs === 0 ? 0 : macs + macsPerElement * written;
      },
    };
  });
}

/**
 * Channels of convolutions as onnxruntime computes them (NCHWc): outputs in whole blocks of 16 (8 without AVX-512), inputs too, unless they are
 * fewer than one block.
 */
function padded(
  node: Node,
  shapeOf: (value: Value) => number[] | null,
  channelBlock: number,
): (value: Value) => number[] | null {
  if (!node.is('Conv') || node.attributes.int('group', 1) > 1) return shapeOf;
  const whole = (length: number): number => Math.ceil(length / channelBlock) * channelBlock;
  const input = (length: number): number => (length < channelBlock ? length : whole(length));
  return (value) => {
    const shape = shapeOf(value);
    if (!shape) return null;
    if (value === node.input(1)) return shape.map((length, at) => [whole, input][at]?.(length) ?? length);
    return shape.map((length, at) => (at !== 1 ? length : value === node.output ? whole(length) : input(length)));
  };
}
