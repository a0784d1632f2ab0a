// What a linear operator of a changed model sees, and what it should compute, as second moments over all samples.
import { type LinearOperator, linearOperator, readBias } from '../../analysis/index.js';
import { hasRows, operatorRows, SecondMoments } from '../../calibration/index.js';
import type { Node } from '../../ir/index.js';
import type { Random } from '../../numeric/index.js';
import type { PassContext } from '../../pass/index.js';
import type { Lockstep } from './lockstep.js';
import { saturationOf } from './saturation.js';
import { shortcutOf } from './shortcut.js';
import { shapeMismatch, targetRows } from './target-rows.js';

export interface RefitTarget {
  readonly node: Node;
  /** Which channels of the reference's output are left, in order; null: all. */
  readonly channels: readonly number[] | null;
}

export interface ObservedTargets {
  readonly operator: LinearOperator;
  /** By group: rows of the changed model's input, targets from the reference. */
  readonly moments: readonly SecondMoments[];
  /** Whether a bias can be fitted too. */
  readonly intercept: boolean;
  /**
   * Looks at the same rows again, with the weights that the operator has now: targets that the activation behind cuts off become what is
   * computed, where that is cut off as well. Null where there is no such activation, or where it would take whole runs of the model.
   */
  readonly again: (() => Promise<void>) | null;
}

const mostFeatures = 4096;
/** Positions of a sample that are enough for an operator of few features. */
const leastPositions = 256;
/** Rows that all samples give together; more say nothing new. */
const enoughRows = 1 << 18;

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
  const result = shortcut?.sum ?? operator.output;
  const output = expected.get(result.name);
  if (!output?.producer) return `${operator.output.name} is not in the original`;
  const { groups, rowLength } = operator;
  const outputs = operator.outputChannels / groups;
  const saturation = saturationOf(result);
  let moments: SecondMoments[] = [];
  const look = async (isFirst: boolean): Promise<string | null> => {
    const own = [operator.input, ...(shortcut ? [shortcut.other] : []), ...(isFirst ? [] : [result])];
    const mismatches: string[] = [];
    await lockstep.visit(node, own, [output], () => {
      if (isFirst)
        moments = Array.from({ length: groups }, () => new SecondMoments(rowLength, context.products, outputs));
      else for (const part of moments) part.restartTargets();
      const sampling = { most: Math.max(leastPositions, Math.ceil(rowLength / 8)), random: random.fork('positions') };
      let rows = 0;
      return async (here, original) => {
        const targets = {
          original: original.get(output)!,
          channels,
          added: shortcut && here.get(shortcut.other)!,
          reached: isFirst || !saturation ? null : { tensor: here.get(result)!, saturation },
        };
        const mismatch = shapeMismatch(operator, targets);
        if (mismatch) mismatches.push(mismatch);
        if (mismatches.length > 0 || rows > enoughRows) return;
        for (const block of operatorRows(operator, here.get(operator.input)!, sampling)) {
          await moments[block.group].add(block.rows, targetRows(operator, block, targets));
          rows += block.rows.length / rowLength / groups;
        }
      };
    });
    if (mismatches.length > 0) return mismatches[0];
    for (const part of moments) await part.flush();
    return null;
  };
  const mismatch = await look(true);
  if (mismatch) return mismatch;
  const again = async (): Promise<void> => void (await look(false));
  return {
    operator,
    moments,
    intercept: operator.biasSlot !== null && readBias(operator, model) !== null,
    again: saturation && lockstep.keepsValues ? again : null,
  };
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
