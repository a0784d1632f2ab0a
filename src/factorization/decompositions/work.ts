// Choices and factors of one operator, wherever they are made fastest: small matrices in a worker thread each, large ones by products of the engine.
import type { PassContext } from '../../pass/index.js';
import { choicesTask, factorsTask, type Work } from './factorize-task.js';
import type { Choice, Stage } from './family.js';
import { largeChoices, largeFactors } from './large-low-rank.js';

/** The smaller side of a matrix from which on the engine pays. */
const largeSide = 1024;

export function choicesOf(work: Work, multiple: number, context: PassContext): Promise<readonly Choice[]> {
  if (isLarge(work)) return largeChoices(work.shape, work.groups[0], multiple, context);
  return context.workers.run(choicesTask, { ...work, multiple }, context.signal);
}

export function factorsOf(work: Work, ranks: readonly number[], context: PassContext): Promise<readonly Stage[]> {
  if (isLarge(work)) return largeFactors(work.shape, work.groups[0], ranks[0], context);
  return context.workers.run(factorsTask, { ...work, ranks }, context.signal);
}

function isLarge({ family, shape: { groups, inputChannels, outputChannels } }: Work): boolean {
  return family === 'low-rank' && groups === 1 && Math.min(inputChannels, outputChannels) >= largeSide;
}
