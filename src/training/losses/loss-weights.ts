// Losses by name, with weights: `logits:1,features:0.5`; stages of them, one behind the other: `features:1@30%;logits:1`.

export const lossNames = ['logits', 'labels', 'features', 'attention', 'relations'] as const;
export type LossName = (typeof lossNames)[number];

export interface WeightedLoss {
  readonly name: LossName;
  readonly weight: number;
}

/** The part that cannot be understood, as text, where there is one. */
export function parseLosses(text: string): readonly WeightedLoss[] | string {
  const losses: WeightedLoss[] = [];
  for (const part of text.split(',')) {
    const [word, weight = '1'] = part.trim().split(':');
    const name = lossNames.find((known) => known === word);
    const value = Number(weight);
    if (!name || weight.trim() === '' || !(value > 0) || losses.some((loss) => loss.name === name)) return part;
    losses.push({ name, weight: value });
  }
  return losses;
}

/** What is trained for during a part of the steps. */
export interface LossStage {
  readonly losses: readonly WeightedLoss[];
  /** Of all steps; those of all stages make 1. */
  readonly share: number;
}

/** Stages without a share divide what the others leave. The part that cannot be understood, as text, where there is one. */
export function parseStages(text: string): readonly LossStage[] | string {
  const parts = text.split(';').map((part) => part.split('@'));
  const stages: { losses: readonly WeightedLoss[]; share: number | null }[] = [];
  for (const [list, share, ...rest] of parts) {
    const losses = parseLosses(list);
    if (typeof losses === 'string') return losses;
    const percent = share === undefined ? null : /^\s*(\d+(?:\.\d+)?)\s*%\s*$/.exec(share);
    if (rest.length > 0 || (share !== undefined && !percent)) return share ?? list;
    stages.push({ losses, share: percent ? Number(percent[1]) / 100 : null });
  }
  const open = stages.filter(({ share }) => share === null).length;
  const given = stages.reduce((sum, { share }) => sum + (share ?? 0), 0);
  if (open === 0 ? Math.abs(given - 1) > 1e-6 : given >= 1) return text;
  return stages.map(({ losses, share }) => ({ losses, share: share ?? (1 - given) / open }));
}
