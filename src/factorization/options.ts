// The options that all factorizing passes share: how ranks are chosen, by what metric, and what a result must not be.
import { z } from 'zod';
import { usageError } from '../errors.js';
import { parseShare, selectionOptions, shareOption } from '../pass/index.js';

/** 8MB, 1.5 GiB. */
const size = z.string().regex(/^\d+(\.\d+)? ?[kMG]i?B$/i);
const positiveNumber = z.string().regex(/^\d+(\.\d+)?$/);

export const factorizationOptions = {
  targetParams: shareOption.optional().describe('parameters to keep of all selected operators together, such as 60%'),
  targetMacs: shareOption
    .optional()
    .describe('multiplications to keep of all selected operators together, such as 50%'),
  targetSize: z
    .union([...shareOption.options, size], { error: 'must be a share such as 70% or a size such as 8MB' })
    .optional()
    .describe('bytes that all weights of the model may take together: a share such as 70%, or a size such as 8MB'),
  ratio: shareOption.optional().describe('parameters to keep of every selected operator by itself, such as 50%'),
  energy: z
    .union([z.number().gt(0).max(1), positiveNumber], { error: 'must be a number between 0 and 1, such as 0.95' })
    .optional()
    .describe(
      'share of the energy that every operator keeps (of its outputs with calibration data, of its weights without), such as 0.95',
    ),
  rank: z
    .union([z.int().min(1), z.string().regex(/^(vbmf|full|[1-9]\d*)$/)], { error: 'must be vbmf, full or a number' })
    .optional()
    .describe('the same rank for all, vbmf for as many components as are more than noise, or full'),
  mostDivergence: z
    .number()
    .gt(0)
    .optional()
    .describe(
      'stop where the measured sensitivities predict more than this divergence from the original (nats, or relative squared error)',
    ),
  weighting: z
    .enum(['auto', 'plain', 'scaled', 'whitened'])
    .default('auto')
    .describe(
      'what an error of the weights counts: plain all the same, scaled by the size of each input (ASVD), whitened by the covariance of real inputs (SVD-LLM); auto: whitened with calibration data, plain without',
    ),
  refit: z
    .boolean()
    .default(true)
    .describe(
      'fit each operator to the original outputs on what the ones before it now compute (with calibration data)',
    ),
  sensitivity: z
    .enum(['auto', 'measured', 'relative'])
    .default('auto')
    .describe(
      'weigh errors by what each alone does to the outputs of the model, or relative to its own outputs; auto: measured with calibration data',
    ),
  rankMultiple: z.int().min(1).default(8).describe('ranks are multiples of this, except in small operators'),
  minimumSize: z.int().min(1).default(4096).describe('leave weights with fewer elements alone'),
  allowLarger: z.boolean().default(false).describe('factorize also where that needs more parameters'),
  checkSpeed: z.boolean().default(true).describe('measure factors in the engine and leave alone what would be slower'),
  ...selectionOptions,
};

export const factorizationSchema = z.strictObject(factorizationOptions);

export type FactorizationOptions = z.output<typeof factorizationSchema>;

/** How ranks are chosen, after parsing. */
export type RankRule =
  | { readonly kind: 'params' | 'macs' | 'size' | 'ratio' | 'energy'; readonly share: number }
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'fixed'; readonly rank: number }
  | { readonly kind: 'vbmf' | 'full' };

/** What is kept where nothing is asked for. */
const defaultRule: RankRule = { kind: 'energy', share: 0.999 };

/** Throws USAGE where several are given. */
export function rankRule(options: FactorizationOptions): RankRule {
  const rules: [string, RankRule][] = [];
  const add = (name: string, value: number | string | undefined, rule: (share: number) => RankRule): void => {
    if (value !== undefined) rules.push([name, rule(parseShare(value))]);
  };
  add('targetParams', options.targetParams, (share) => ({ kind: 'params', share }));
  add('targetMacs', options.targetMacs, (share) => ({ kind: 'macs', share }));
  const { targetSize } = options;
  const bytes = typeof targetSize === 'string' ? parseBytes(targetSize) : null;
  if (bytes === null) add('targetSize', targetSize, (share) => ({ kind: 'size', share }));
  else rules.push(['targetSize', { kind: 'bytes', bytes }]);
  add('ratio', options.ratio, (share) => ({ kind: 'ratio', share }));
  add('energy', options.energy, (share) => ({ kind: 'energy', share }));
  const { rank } = options;
  if (rank === 'vbmf' || rank === 'full') rules.push(['rank', { kind: rank }]);
  else if (rank !== undefined) rules.push(['rank', { kind: 'fixed', rank: Number(rank) }]);
  if (rules.length > 1) {
    throw usageError(
      `Ranks cannot be chosen by ${rules.map(([name]) => name).join(' and ')} at once`,
      'Give one of them.',
    );
  }
  return rules[0]?.[1] ?? defaultRule;
}

/** Null where it is a share. */
function parseBytes(text: string): number | null {
  const match = /^([\d.]+) ?([kMG])(i?)B$/i.exec(text);
  if (!match) return null;
  const power = 'kmg'.indexOf(match[2].toLowerCase()) + 1;
  return Number(match[1]) * (match[3] ? 1024 : 1000) ** power;
}
