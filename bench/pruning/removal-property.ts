// Proof that the dependency graph is right, on real models: for every channel group, removing a quarter of its units gives the outputs of
// the model with zeros in the weights that sum over them. Outputs of a final Sigmoid are compared before it, as probabilities of 1e-7 have no digits
// that could agree, and instead of integers the numbers that they are counted from. Prints one line for each model, and every group that differs.
//   npm run build && npx tsc -p tsconfig.bench.json && node dist-bench/bench/pruning/removal-property.js [--verbose] FOLDER|FILE…

import { builtinPasses } from '../../passes/index.js';
import { findChannelGroups, removeUnits, zeroUnits } from '../../src/analysis/index.js';
import { runRecipe } from '../../src/compress.js';
import { createOnnxRuntimeEngine, type Engine, type Feeds } from '../../src/engine/index.js';
import { cloneModel, type Model, type Value } from '../../src/ir/index.js';
import { createRandom } from '../../src/numeric/index.js';
import { loadModel } from '../../src/onnx/index.js';
import { preparationSteps, resolveRecipe } from '../../src/recipe/index.js';
import { findWorkingFeeds } from '../../src/synthetic/index.js';
import type { Tensor } from '../../src/tensor/index.js';
import { modelFiles } from '../model-files.js';

const verbose = process.argv.includes('--verbose');
const paths = modelFiles(process.argv.slice(2).filter((argument) => !argument.startsWith('--')));
const engine = createOnnxRuntimeEngine();
/** Largest difference that is still rounding, relative to the largest output. */
const tolerance = 1e-4;

for (const path of paths) {
  try {
    await check(path);
  } catch (cause) {
    console.log(`${path}: ${cause instanceof Error ? cause.stack : cause}`);
  }
}

async function check(path: string): Promise<void> {
  const recipe = await resolveRecipe(
    { version: 1, steps: preparationSteps(builtinPasses) },
    { passes: builtinPasses, folder: '.' },
  );
  const { model } = await runRecipe(await loadModel(path), recipe, { engine });
  uncoverLogits(model);
  await uncoverNumbers(model);
  const { groups, frozen } = await findChannelGroups(model, engine);
  const feeds = await workingFeeds(model, engine);
  const random = createRandom(1);
  let worst = 0;
  let failed = 0;
  let silent = 0;
  const original = await outputsOf(model, feeds);
  for (const [at, { name, units, producers, consumers }] of groups.entries()) {
    const chosen = [...units.keys()].slice(1).filter(() => random.next() < 0.25);
    if (chosen.length === 0) chosen.push(random.int(units.length));
    const [zeroed, removed] = [cloneModel(model), cloneModel(model)];
    const inZeroed = await findChannelGroups(zeroed, engine);
    zeroUnits(inZeroed.relations, inZeroed.groups[at], chosen);
    const inRemoved = await findChannelGroups(removed, engine);
    removeUnits(inRemoved.relations, new Set(chosen.map((index) => inRemoved.groups[at].units[index])));
    let difference: number | string;
    try {
      const expected = await outputsOf(zeroed, feeds);
      if (distance(original, expected) === 0) silent++;
      difference = distance(expected, await outputsOf(removed, feeds));
    } catch (cause) {
      difference = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    }
    const bad = typeof difference === 'string' || !(difference <= tolerance);
    if (bad) failed++;
    else worst = Math.max(worst, difference as number);
    if (bad || verbose) {
      console.log(`  ${name}: ${units.length} units, ${producers.length} → ${consumers.length} nodes: ${difference}`);
    }
  }
  if (verbose) for (const [node, reason] of frozen) console.log(`  – ${node.name || node.output.name}: ${reason}`);
  console.log(
    `${path}: ${groups.length} groups, ${failed} wrong, largest difference ${worst.toExponential(1)}, ${frozen.size} nodes frozen${silent > 0 ? `; zeros in ${silent} groups change nothing` : ''}`,
  );
}

/** Makes outputs of what a final Sigmoid takes, in its place. */
function uncoverLogits({ graph }: Model): void {
  for (const output of [...graph.outputs]) {
    const { producer } = output;
    const logits = producer?.is('Sigmoid') ? producer.input(0) : null;
    if (!producer || !logits?.producer || logits.isGraphOutput || output.uses.size > 0) continue;
    graph.removeOutput(output);
    graph.addOutput(logits);
    graph.remove(producer);
  }
}

/** Adds to outputs of integers the last floats before them. */
async function uncoverNumbers(model: Model): Promise<void> {
  const types = await engine.inferTypes(model);
  const isFloat = (value: Value): boolean => types.get(value)?.dataType.startsWith('float') === true;
  for (const output of [...model.graph.outputs]) {
    for (let value: Value | null = output; value?.producer && !isFloat(output); value = value.producer.input(0)) {
      const input = value.producer.input(0);
      if (!input?.producer || !isFloat(input)) continue;
      if (!input.isGraphOutput) model.graph.addOutput(input);
      break;
    }
  }
}

async function workingFeeds(model: Model, engine: Engine): Promise<Feeds> {
  const session = await engine.open(model, { optimization: 'disabled' });
  try {
    return (await findWorkingFeeds(session, model)).at(0);
  } finally {
    await session.close();
  }
}

async function outputsOf(model: Model, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await engine.open(model, { optimization: 'disabled', threads: 2 });
  try {
    return await session.run(feeds);
  } finally {
    await session.close();
  }
}

/** Largest difference of any output, relative to the largest magnitude of that output; infinite where no output has numbers to compare. */
function distance(a: Record<string, Tensor>, b: Record<string, Tensor>): number {
  let worst = 0;
  let compared = 0;
  for (const [name, expected] of Object.entries(a)) {
    if (`${expected.shape}` !== `${b[name].shape}`) return Number.POSITIVE_INFINITY;
    if (!expected.dataType.startsWith('float')) continue;
    const [x, y] = [expected.readFloat32(), b[name].readFloat32()];
    const magnitude = x.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    for (let index = 0; index < x.length; index++) {
      if (Number.isNaN(x[index]) && Number.isNaN(y[index])) continue;
      worst = Math.max(worst, Math.abs(x[index] - y[index]) / magnitude);
      compared++;
    }
  }
  return compared > 0 ? worst : Number.POSITIVE_INFINITY;
}
