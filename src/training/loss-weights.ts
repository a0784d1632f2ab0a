// Losses by name, with weights: `logits:1,features:0.5`.

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
