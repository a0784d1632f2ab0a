// What an error in one operator does to the outputs of the model: the divergence that the operator's factors cause where everything else is
// as it was.
import { linearOperator } from '../../analysis/index.js';
import { type ProbedValues, sweep } from '../../calibration/index.js';
import type { Feeds } from '../../engine/index.js';
import { cloneWithNodes, type Model, type Value } from '../../ir/index.js';
import type { PassContext } from '../../pass/index.js';
import type { Tensor } from '../../tensor/index.js';
import type { Choice, Stage } from '../decompositions/family.js';
import { emitFactors } from '../rewriting/emit.js';
import type { Candidate } from './candidates.js';
import { DivergenceMeter } from './divergence.js';

/** Samples that divergences are measured on. */
const mostSamples = 32;
/** Models that run side by side. */
const together = 8;

export interface Trial {
  readonly candidate: Candidate;
  readonly choice: Choice;
  readonly stages: readonly Stage[];
  readonly bias: Float32Array | null;
}

/** One for each trial; infinite where outputs are not finite any more. */
export async function measureDivergences(
  model: Model,
  trials: readonly Trial[],
  context: PassContext,
): Promise<number[]> {
  const { samples, engine, signal, workers } = context;
  if (samples === null) throw new TypeError('Sensitivities are measured on samples');
  const { outputs } = model.graph;
  const results: number[] = [];
  for (let from = 0; from < trials.length; from += together) {
    const part = trials.slice(from, from + together);
    const models = part.map((trial) => modelWith(model, trial));
    const meters = models.map(() => outputs.map((output) => new DivergenceMeter(model, output)));
    const probes = [model, ...models].map((probed) => ({ model: probed, values: probed.graph.outputs }));
    await sweep(
      probes,
      ([reference, ...others]) => {
        for (const [index, values] of others.entries()) {
          for (const [position, meter] of meters[index].entries()) {
            meter.add(tensorOf(reference, outputs[position]), tensorOf(values, models[index].graph.outputs[position]));
          }
        }
      },
      { engine, samples: first(samples, mostSamples), signal, threads: workers.jobs },
    );
    for (const own of meters) results.push(own.reduce((sum, meter) => sum + meter.value, 0));
    context.progress(Math.min(from + together, trials.length), trials.length);
  }
  return results;
}

function tensorOf(values: ProbedValues, output: Value): Tensor {
  return values.get(output)!;
}

/** A copy in which this operator alone is factorized. */
function modelWith(model: Model, { candidate, stages, bias }: Trial): Model {
  const { clone, copyOf } = cloneWithNodes(model);
  const operator = linearOperator(copyOf(candidate.operator.node), clone);
  if (operator === null || typeof operator === 'string') throw new TypeError('A copy of a model differs from it');
  emitFactors(clone, operator, candidate.shape, stages, bias);
  return clone;
}

async function* first(samples: AsyncIterable<Feeds>, count: number): AsyncGenerator<Feeds> {
  let taken = 0;
  for await (const feeds of samples) {
    yield feeds;
    taken++;
    if (taken === count) return;
  }
}
