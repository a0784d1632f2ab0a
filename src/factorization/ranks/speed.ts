// Whether factors are slower than the operator they replace: both alone in the engine, on the operator's input shape, in turns.
import { linearOperator } from '../../analysis/index.js';
import type { Engine, Session } from '../../engine/index.js';
import { Model, tensorType } from '../../ir/index.js';
import { createMatrix, createRandom } from '../../numeric/index.js';
import { float32Tensor, MemoryTensor, sizeOf } from '../../tensor/index.js';
import type { Stage } from '../decompositions/family.js';
import { emitFactors } from '../rewriting/emit.js';
import type { Candidate } from './candidates.js';

const warmup = 3;
const runs = 15;

/** Median time of the factors over that of the original; null where the shape of the input is not known. */
export async function relativeTime(
  candidate: Candidate,
  stages: readonly Stage[],
  engine: Engine,
): Promise<number | null> {
  const { inputShape } = candidate;
  if (
    inputShape === null ||
    inputShape.some((length) => length < 1) ||
    candidate.operator.weight.dataType !== 'float32'
  )
    return null;
  const original = oneOperator(candidate, inputShape);
  const factored = oneOperator(candidate, inputShape);
  const [node] = factored.graph.nodes();
  const operator = linearOperator(node, factored);
  if (operator === null || typeof operator === 'string') return null;
  emitFactors(factored, operator, candidate.shape, stages.map(emptied), null);
  const random = createRandom(0);
  const values = Float32Array.from({ length: sizeOf(inputShape) }, () => random.next());
  const feeds = { x: new MemoryTensor('float32', inputShape, values) };
  const sessions: Session[] = [];
  try {
    for (const model of [original, factored]) sessions.push(await engine.open(model, { profile: true }));
    for (let run = 0; run < warmup + runs; run++) for (const session of sessions) await session.run(feeds);
    const [before, after] = [await timeOf(sessions[0]), await timeOf(sessions[1])];
    return before > 0 ? after / before : null;
  } finally {
    for (const session of sessions) await session.close();
  }
}

/** Time does not depend on the values, as long as they are no denormal numbers. */
function emptied({ weights, axes }: Stage): Stage {
  return { weights: weights.map(({ rows, columns }) => createMatrix(rows, columns)), axes };
}

/** Median over the runs of the sum over the operators. */
async function timeOf(session: Session): Promise<number> {
  const events = await session.profile();
  const each = events.length / (warmup + runs);
  if (!Number.isInteger(each)) return 0;
  const totals = Array.from({ length: runs }, (_, run) =>
    events
      .slice((warmup + run) * each, (warmup + run + 1) * each)
      .reduce((sum, { microseconds }) => sum + microseconds, 0),
  ).sort((a, b) => a - b);
  return totals[runs >> 1];
}

/** A model of the operator alone, its weights zeros. */
function oneOperator({ operator: { node, weight } }: Candidate, inputShape: readonly number[]): Model {
  const model = new Model();
  model.irVersion = 8;
  model.opsetImports.set('', 17);
  const { graph } = model;
  const x = graph.addInput('x', tensorType('float32', inputShape));
  const weights = graph.addInitializer('w', float32Tensor(weight.shape, new Float32Array(sizeOf(weight.shape))));
  const { output } = graph.append({
    opType: node.opType,
    inputs: [x, weights],
    outputs: ['y'],
    attributes: Object.fromEntries(node.attributes),
  });
  output.type = tensorType('float32', null);
  graph.addOutput(output);
  return model;
}
