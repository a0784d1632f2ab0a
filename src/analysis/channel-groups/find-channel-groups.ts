// Channel groups: the units of a model that can be removed, each with everything that must go with it. Units that touch the same axes of
// the same weights form a group; among them one chooses.
import type { Engine } from '../../engine/index.js';
import type { Model, Node } from '../../ir/index.js';
import type { Axis } from './axis.js';
import { relateAxes } from './dependency-graph.js';
import type { AxisRole, ConstantOperand, Relations } from './relations.js';
import { isQuantized } from './rules/index.js';

/** An axis of a constant that shrinks with a group. */
export interface GroupPart {
  readonly operand: ConstantOperand;
  /** Number of the axis of the constant. */
  readonly axis: number;
  /** null: one number for each channel, such as a bias or the filters of a depthwise convolution. */
  readonly role: AxisRole | null;
  /** For every unit of the group, its coordinates along the axis. */
  readonly coordinates: readonly (readonly number[])[];
}

export interface ChannelGroup {
  /** Named after the node whose weights make its channels. */
  readonly name: string;
  /** Representatives of the classes of coordinates that go together; a number each, in order. */
  readonly units: readonly number[];
  readonly parts: readonly GroupPart[];
  /** Nodes whose weights make the channels, and nodes whose weights sum over them. */
  readonly producers: readonly Node[];
  readonly consumers: readonly Node[];
}

export interface ChannelStructure {
  readonly relations: Relations;
  readonly groups: readonly ChannelGroup[];
  /** Why the channels that a node's weights make stay, for nodes none of whose channels can go. */
  readonly frozen: ReadonlyMap<Node, string>;
}

/** The groups of the main graph of `model`, in the order of its nodes. */
export async function findChannelGroups(model: Model, engine: Engine): Promise<ChannelStructure> {
  const relations = await relateAxes(model, engine);
  const byClass = partsByClass(relations);
  const groups: ChannelGroup[] = [];
  const alone = new Set<Node>();
  for (const { units, axes } of sameAxes(relations)) {
    const parts = partsOf(relations, units, byClass);
    const summed = axes.some((axis) => relations.roles.get(axis) === 'contracted');
    const producers = nodesOf(parts, 'produced');
    if (!summed || parts.length === 0 || producers.length === 0) continue;
    if (units.length === 1) {
      for (const node of producers) alone.add(node);
      continue;
    }
    const [first] = producers;
    groups.push({
      name: first.name || first.output.name,
      units,
      parts,
      producers,
      consumers: nodesOf(parts, 'contracted'),
    });
  }
  return { relations, groups, frozen: frozenNodes(relations, groups, alone) };
}

interface Occurrence {
  readonly operand: ConstantOperand;
  readonly axis: number;
  readonly coordinates: number[];
}

/** Where each class occurs in constants. */
function partsByClass({ operands, classes }: Relations): Map<number, Occurrence[]> {
  const byClass = new Map<number, Occurrence[]>();
  for (const operand of operands) {
    for (const [axis, { first, length }] of operand.axes.entries()) {
      for (let coordinate = 0; coordinate < (length ?? 0); coordinate++) {
        if (classes.reasonAt(first + coordinate) !== null) continue;
        const root = classes.find(first + coordinate);
        const occurrences = byClass.get(root) ?? [];
        byClass.set(root, occurrences);
        const last = occurrences.at(-1);
        if (last?.operand === operand && last.axis === axis) last.coordinates.push(coordinate);
        else occurrences.push({ operand, axis, coordinates: [coordinate] });
      }
    }
  }
  return byClass;
}

/** Classes that can be removed, put together where they touch the same axes equally often. */
function sameAxes(relations: Relations): { units: number[]; axes: readonly Axis[] }[] {
  const touched = new Map<number, { axes: Axis[]; counts: number[] }>();
  for (const axis of relations.allAxes) {
    for (let coordinate = 0; coordinate < (axis.length ?? 0); coordinate++) {
      if (relations.classes.reasonAt(axis.first + coordinate) !== null) continue;
      const root = relations.classes.find(axis.first + coordinate);
      const entry = touched.get(root) ?? { axes: [], counts: [] };
      touched.set(root, entry);
      if (entry.axes.at(-1) === axis) entry.counts[entry.counts.length - 1]++;
      else {
        entry.axes.push(axis);
        entry.counts.push(1);
      }
    }
  }
  const alike = new Map<string, { units: number[]; axes: readonly Axis[] }>();
  for (const [root, { axes, counts }] of touched) {
    const key = axes.map(({ first }, at) => `${first}×${counts[at]}`).join();
    const entry = alike.get(key) ?? { units: [], axes };
    alike.set(key, entry);
    entry.units.push(root);
  }
  return [...alike.values()];
}

function partsOf(
  relations: Relations,
  units: readonly number[],
  byClass: ReadonlyMap<number, readonly Occurrence[]>,
): GroupPart[] {
  const occurrences = units.map((unit) => byClass.get(unit) ?? []);
  return (occurrences[0] ?? []).map(({ operand, axis }, at) => ({
    operand,
    axis,
    role: relations.roles.get(operand.axes[axis]) ?? null,
    coordinates: occurrences.map((parts) => parts[at].coordinates),
  }));
}

function nodesOf(parts: readonly GroupPart[], role: AxisRole): Node[] {
  return [...new Set(parts.filter((part) => part.role === role).map(({ operand }) => operand.node))];
}

/** Nodes whose weights make channels of which none can go, each with the reason. */
function frozenNodes(
  relations: Relations,
  groups: readonly ChannelGroup[],
  alone: ReadonlySet<Node>,
): Map<Node, string> {
  const producing = new Set(groups.flatMap(({ producers }) => producers));
  const frozen = new Map<Node, string>();
  for (const { node, axes } of relations.operands) {
    if (isQuantized(node)) frozen.set(node, 'it is quantized already');
    for (const axis of axes) {
      if (relations.roles.get(axis) !== 'produced' || axis.length === null || producing.has(node)) continue;
      const reason = relations.classes.reasonAt(axis.first);
      if (reason !== null) frozen.set(node, reason);
      else
        frozen.set(node, alone.has(node) ? 'its channels can only go all at once' : 'nothing sums over its channels');
    }
  }
  return frozen;
}
