// What a model lost against the one that it was made of, found by comparing the two: operators that take fewer channels, branches whose sum stands
// for a later one, and everything behind them that can undo it.
import { type LinearOperator, linearOperator } from '../../analysis/index.js';
import { SecondMoments } from '../../calibration/index.js';
import type { Model, Node, Value } from '../../ir/index.js';
import type { PassContext } from '../../pass/index.js';
import { valuesByName } from '../../rewrite/index.js';
import type { Tensor } from '../../tensor/index.js';
import { matchChannels } from './match-channels.js';
import type { RefitTarget } from './observe-targets.js';
import { shortcutOf } from './shortcut.js';

interface Candidate {
  readonly node: Node;
  readonly operator: LinearOperator | null;
  readonly own: Value;
  readonly original: Value;
}

/** What there is to repair, in the order of the graph. */
export async function findLosses(
  model: Model,
  reference: Model,
  context: PassContext,
): Promise<Map<Node, RefitTarget>> {
  const expected = valuesByName(reference.graph);
  const candidates: Candidate[] = [];
  let behind = false;
  let behindConvolution = false;
  for (const node of model.graph.nodes()) {
    const original = expected.get(node.output?.name ?? '');
    if (node.is('BatchNormalization') && behind && original?.producer) {
      candidates.push({ node, operator: null, own: node.output, original });
      continue;
    }
    const operator = linearOperator(node, model);
    if (operator === null || typeof operator === 'string') continue;
    const end = shortcutOf(operator, model);
    const there = original?.producer ? linearOperator(original.producer, reference) : null;
    const before = there && typeof there !== 'string' ? there : null;
    const lost = before === null || before.rowLength !== operator.rowLength;
    const moved = before !== null && end !== null && shortcutOf(before, reference)?.sum.name !== end.sum.name;
    const undoes = behindConvolution || (behind && (end !== null || operator.output.isGraphOutput));
    if (!lost && !moved && !undoes) continue;
    const target = expected.get((end?.sum ?? operator.output).name);
    if (!target?.producer) continue;
    behind = true;
    behindConvolution ||= operator.kind !== 'matrix';
    candidates.push({ node, operator, own: end?.sum ?? operator.output, original: target });
  }
  const channels = await channelsOf(candidates, model, reference, context);
  return new Map(
    candidates.map((candidate) => [
      candidate.node,
      { node: candidate.node, channels: channels.get(candidate) ?? null },
    ]),
  );
}

/** Which channels of the original are left, where some are gone. */
async function channelsOf(
  candidates: readonly Candidate[],
  model: Model,
  reference: Model,
  context: PassContext,
): Promise<Map<Candidate, readonly number[]>> {
  const moments = new Map<Candidate, SecondMoments | null>();
  const probes = [
    { model, values: new Set(candidates.map(({ own }) => own)) },
    { model: reference, values: new Set(candidates.map(({ original }) => original)) },
  ];
  if (candidates.length === 0) return new Map();
  await context.sweep(probes, async ([here, before]) => {
    for (const candidate of candidates) {
      const [own, original] = [here.get(candidate.own)!, before.get(candidate.original)!];
      const axis = candidate.operator?.kind === 'matrix' ? own.shape.length - 1 : 1;
      const [width, all] = [own.shape[axis], original.shape[axis]];
      if (width >= all || own.shape.length !== original.shape.length) moments.set(candidate, null);
      const known = moments.get(candidate);
      if (known === null) continue;
      const meter = known ?? new SecondMoments(width, context.products, all);
      moments.set(candidate, meter);
      await meter.add(channelRows(own, axis), channelRows(original, axis));
    }
  });
  const channels = new Map<Candidate, readonly number[]>();
  for (const [candidate, meter] of moments) {
    if (!meter) continue;
    await meter.flush();
    channels.set(candidate, matchChannels(correlationsOf(meter), meter.columns, meter.targetColumns));
  }
  return channels;
}

/** Positions as rows of channels. */
function channelRows(tensor: Tensor, axis: number): Float32Array {
  const values = tensor.readFloat32();
  const { shape } = tensor;
  if (axis === shape.length - 1) return values;
  const width = shape[axis];
  const inner = shape.slice(axis + 1).reduce((size, length) => size * length, 1);
  const rows = new Float32Array(values.length);
  for (let at = 0; at < values.length; at++) {
    const [position, channel] = [at % inner, Math.floor(at / inner) % width];
    rows[(Math.floor(at / (inner * width)) * inner + position) * width + channel] = values[at];
  }
  return rows;
}

/** Correlation of every column with every target; 0 where one never changes. */
function correlationsOf({
  columns,
  targetColumns,
  count,
  sum,
  gram,
  targetSum,
  targetSquares,
  cross,
}: SecondMoments): Float64Array {
  const correlations = new Float64Array(columns * targetColumns);
  for (let i = 0; i < columns; i++) {
    const variance = gram[i * columns + i] - sum[i] ** 2 / count;
    for (let j = 0; j < targetColumns; j++) {
      const other = targetSquares[j] - targetSum[j] ** 2 / count;
      const covariance = cross[i * targetColumns + j] - (sum[i] * targetSum[j]) / count;
      if (variance > 0 && other > 0) correlations[i * targetColumns + j] = covariance / Math.sqrt(variance * other);
    }
  }
  return correlations;
}
