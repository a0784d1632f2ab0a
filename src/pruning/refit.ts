// Refits linear operators, from input to output of a model, so that their outputs match those of a reference on real samples: both models run
// in lockstep, inputs come from the changed model, targets from the reference. Where a residual addition follows, the target is what the
// sum lacks, so that every block undoes what earlier ones lost. Of what cannot be refitted the bias is re-estimated, and the statistics of
// BatchNormalization are.
import { type LinearOperator, linearOperator, readBias, readRows } from '../analysis/index.js';
import { hasRows, operatorRows, SecondMoments } from '../calibration/index.js';
import type { Model, Node, Value } from '../ir/index.js';
import type { Random } from '../numeric/index.js';
import type { PassContext } from '../pass/index.js';
import type { Tensor } from '../tensor/index.js';
import { regress } from './least-squares.js';
import { Lockstep } from './lockstep.js';
import { replaceRows } from './replace-rows.js';
import { restoreBias, restoreNormalization } from './restore-statistics.js';

export interface RefitTarget {
  readonly node: Node;
  /** Which channels of the reference's output are left, in order; null: all. */
  readonly channels: readonly number[] | null;
}

/** Relative to the mean square of a feature: convolutions see many positions, matrices fewer rows. */
const ridge = { convolution: 1e-3, matrix: 1e-2, fewRows: 0.1 } as const;
const mostFeatures = 4096;
/** Positions of a sample that are enough for an operator of few features. */
const leastPositions = 256;
/** Rows that all samples give together; more say nothing new. */
const enoughRows = 1 << 18;

/** Refits `targets` in the order of the graph; each ends as changed or skipped in the record of `context`. Returns how many were. */
export async function refit(
  model: Model,
  reference: Model,
  targets: ReadonlyMap<Node, RefitTarget>,
  context: PassContext,
): Promise<number> {
  const lockstep = new Lockstep(model, reference, context);
  const random = context.random();
  let done = 0;
  let changed = 0;
  for (const node of [...model.graph.nodes()]) {
    const target = targets.get(node);
    if (!target) continue;
    const reason = node.is('BatchNormalization')
      ? await restoreNormalization(lockstep, node, target.channels)
      : await refitOne(lockstep, target, context, random.fork(node.name));
    context.progress(++done, targets.size);
    if (reason === null) changed++;
    else context.record.skipped(node, `not refitted: ${reason}`);
  }
  return changed;
}

async function refitOne(
  lockstep: Lockstep,
  target: RefitTarget,
  context: PassContext,
  random: Random,
): Promise<string | null> {
  const observed = await observeTargets(lockstep, target, context, random);
  if (typeof observed === 'string') {
    const own = linearOperator(target.node, lockstep.model);
    const restored = own && typeof own !== 'string' && (await restoreBias(lockstep, own, target.channels));
    return restored ? `${observed} (its bias is)` : observed;
  }
  const { operator, moments, intercept } = observed;
  const { groups, rowLength } = operator;
  const outputs = operator.outputChannels / groups;
  const bias = new Float32Array(operator.outputChannels);
  const before = readRows(operator);
  const rows = new Float32Array(before.length);
  for (const [group, own] of moments.entries()) {
    const range = [group * outputs * rowLength, (group + 1) * outputs * rowLength] as const;
    const start = transposed(before.subarray(...range), outputs, rowLength);
    const solution = regress(own, start, { ridge: ridgeOf(operator, own.count), intercept });
    if (!solution) return 'its inputs are zero, or not finite';
    bias.set(solution.bias, group * outputs);
    rows.set(transposed(solution.weights, rowLength, outputs), range[0]);
  }
  replaceRows(lockstep.model, operator, rows, intercept ? bias : null);
  return null;
}

/** Pull towards the weights there are, relative to the mean square of a feature. */
export function ridgeOf({ kind, rowLength }: LinearOperator, rows: number): number {
  if (rows < 2 * rowLength) return ridge.fewRows;
  return kind === 'conv' ? ridge.convolution : ridge.matrix;
}

export interface ObservedTargets {
  readonly operator: LinearOperator;
  /** By group: rows of the changed model's input, targets from the reference. */
  readonly moments: readonly SecondMoments[];
  /** Whether a bias can be fitted too. */
  readonly intercept: boolean;
}

/** What the operator of `target` sees and should compute, on all samples; the reason where that cannot be told. */
export async function observeTargets(
  lockstep: Lockstep,
  { node, channels }: RefitTarget,
  context: PassContext,
  random: Random,
): Promise<ObservedTargets | string> {
  const { model, expected } = lockstep;
  const operator = linearOperator(node, model);
  if (operator === null) return `${node.opType} is no linear operator`;
  if (typeof operator === 'string') return operator;
  const obstacle = whyNot(operator);
  if (obstacle) return obstacle;
  const shortcut = shortcutOf(operator, model);
  const output = expected.get((shortcut?.sum ?? operator.output).name);
  if (!output?.producer) return `${operator.output.name} is not in the original`;
  const { groups, rowLength } = operator;
  const outputs = operator.outputChannels / groups;
  const intercept = operator.biasSlot !== null && readBias(operator, model) !== null;
  const own = shortcut ? [operator.input, shortcut.other] : [operator.input];
  const most = Math.max(leastPositions, Math.ceil(rowLength / 8));
  const mismatches: string[] = [];
  let moments: SecondMoments[] = [];
  await lockstep.visit(node, own, [output], () => {
    moments = Array.from({ length: groups }, () => new SecondMoments(rowLength, context.products, outputs));
    let rows = 0;
    return async (here, original) => {
      const target = original.get(output)!;
      const other = shortcut && here.get(shortcut.other)!;
      const mismatch = shapeMismatch(operator, target, other, channels);
      if (mismatch) mismatches.push(mismatch);
      if (mismatches.length > 0 || rows > enoughRows) return;
      for (const block of operatorRows(operator, here.get(operator.input)!, { most, random })) {
        await moments[block.group].add(block.rows, targetRows(operator, block, target, other, channels));
        rows += block.rows.length / rowLength / groups;
      }
    };
  });
  if (mismatches.length > 0) return mismatches[0];
  for (const part of moments) await part.flush();
  return { operator, moments, intercept };
}

function whyNot(operator: LinearOperator): string | null {
  const { node, rowLength } = operator;
  if (!hasRows(operator)) return `${node.opType} has no rows to observe`;
  if (rowLength > mostFeatures) return `it sums over ${rowLength} elements at once`;
  if (!operator.ownsWeight) return 'its weight is used elsewhere too';
  if (node.attributes.float('alpha', 1) !== 1 || node.attributes.float('beta', 1) !== 1)
    return 'Gemm scales its weights';
  return null;
}

/** The residual addition that `node` computes one operand of; null for other nodes. */
export function residualSumOf(node: Node, model: Model): Value | null {
  const operator = linearOperator(node, model);
  return operator && typeof operator !== 'string' ? (shortcutOf(operator, model)?.sum ?? null) : null;
}

/** The addition that takes the output of `operator`, reshaped perhaps, and something else that is computed. */
export function shortcutOf({ kind, output }: LinearOperator, model: Model): { sum: Value; other: Value } | null {
  for (let value = output; value.uses.size === 1 && !value.isGraphOutput; ) {
    const [{ node, index }] = value.uses;
    if (node.graph !== model.graph) return null;
    // Rows of a matrix stay rows.
    if (kind === 'matrix' && node.is('Reshape') && index === 0) {
      value = node.output;
      continue;
    }
    const other = node.input(1 - index);
    if (!node.is('Add') || !other || other === value || model.constantOf(other)) return null;
    return other.producer || model.graph.inputs.includes(other) ? { sum: node.output, other } : null;
  }
  return null;
}

function shapeMismatch(
  { kind, outputChannels }: LinearOperator,
  target: Tensor,
  other: Tensor | null,
  channels: readonly number[] | null,
): string | null {
  const axis = kind === 'conv' ? 1 : target.shape.length - 1;
  const wanted = target.shape.map((length, at) => (at === axis && channels ? channels.length : length));
  if (wanted[axis] !== outputChannels) return 'its own channels are fewer than the original has';
  // An addition that broadcasts is no residual connection.
  return other && `${other.shape}` !== `${wanted}` ? 'what is added to it has another shape' : null;
}

/** Targets of the rows of `block`: [rows, outputs of the group]. */
function targetRows(
  operator: LinearOperator,
  { group, positions }: { group: number; positions: Int32Array | null },
  target: Tensor,
  other: Tensor | null,
  channels: readonly number[] | null,
): Float32Array {
  const values = target.readFloat32();
  const shortcut = other?.readFloat32() ?? null;
  const outputs = operator.outputChannels / operator.groups;
  const own = Array.from({ length: outputs }, (_, at) => group * outputs + at);
  if (operator.kind === 'matrix') {
    const width = target.shape.at(-1)!;
    const count = positions?.length ?? values.length / width;
    const rows = new Float32Array(count * outputs);
    for (let row = 0; row < count; row++) {
      const position = positions ? positions[row] : row;
      for (const channel of own) {
        const value = values[position * width + (channels ? channels[channel] : channel)];
        rows[row * outputs + channel] = value - (shortcut ? shortcut[position * outputs + channel] : 0);
      }
    }
    return rows;
  }
  const inner = target.shape.slice(2).reduce((size, length) => size * length, 1);
  const all = target.shape[1];
  const left = operator.outputChannels;
  const count = positions?.length ?? target.shape[0] * inner;
  const rows = new Float32Array(count * outputs);
  for (let row = 0; row < count; row++) {
    const position = positions ? positions[row] : row;
    const example = Math.floor(position / inner);
    const within = position % inner;
    for (const [at, channel] of own.entries()) {
      const value = values[(example * all + (channels ? channels[channel] : channel)) * inner + within];
      rows[row * outputs + at] = value - (shortcut ? shortcut[(example * left + channel) * inner + within] : 0);
    }
  }
  return rows;
}

/** `values` [rows, columns] as [columns, rows]. */
export function transposed(values: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const result = new Float64Array(values.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result[j * rows + i] = values[i * columns + j];
  return result;
}
