// What the units of a channel group are: heads of attention, neurons between two matrix products, or channels of anything else.
import { type ChannelGroup, type ChannelStructure, findAttentionBlocks, type GroupPart } from '../../analysis/index.js';

export type GroupKind = 'channels' | 'heads' | 'neurons';

export interface PrunableGroup extends ChannelGroup {
  readonly kind: GroupKind;
  /** Several weights make its channels and several sum over them: the channels of a stream that residual additions go along. */
  readonly isStream: boolean;
}

export function classifyGroups(structure: ChannelStructure): PrunableGroup[] {
  const heads = new Set(findAttentionBlocks(structure).flatMap((block) => block.heads ?? []));
  return structure.groups.map((group) => ({ ...group, kind: kindOf(group, heads), isStream: isStream(group) }));
}

function kindOf(group: ChannelGroup, heads: ReadonlySet<ChannelGroup>): GroupKind {
  if (heads.has(group)) return 'heads';
  const products = [...group.producers, ...group.consumers].every((node) => node.is('MatMul', 'Gemm'));
  return products && group.consumers.length > 0 ? 'neurons' : 'channels';
}

function isStream({ producers, consumers, parts }: ChannelGroup): boolean {
  // Layers that share their weights are no stream, nor is a node with several weights.
  const weights = (role: GroupPart['role']): number =>
    new Set(parts.filter((part) => part.role === role).map(({ operand }) => operand.value)).size;
  return producers.length > 1 && consumers.length > 1 && weights('produced') > 1 && weights('contracted') > 1;
}
