// Whether weights are decoded once, when the model is loaded: of what could be computed then, nothing may run with the model.
import { loadTimeNodes } from '../analysis/index.js';
import type { Engine, Feeds } from '../engine/index.js';
import { cloneModel, type Model } from '../ir/index.js';

export interface Decoding {
  /** Operators that the engine computed while it loaded the model. */
  readonly atLoad: number;
  /** Those that it computes in every run all the same, by operator and name of what they compute. */
  readonly inRuns: readonly string[];
}

/** Runs `model` once with a profile; undefined where nothing could be computed at load. Throws what running throws. */
export async function checkDecoding(model: Model, engine: Engine, feeds: Feeds): Promise<Decoding | undefined> {
  if (loadTimeNodes(model).length === 0) return undefined;
  // Profiles know nodes by their names, which many do not have.
  const named = cloneModel(model);
  const nodes = new Map(loadTimeNodes(named).map((node, index) => [`dsopt_at_load_${index}`, node]));
  for (const [name, node] of nodes) node.name = name;
  const session = await engine.open(named, { lowMemory: true, profile: true });
  try {
    const accepted = session.inputs.map(({ name }) => name).filter((name) => name in feeds);
    await session.run(Object.fromEntries(accepted.map((name) => [name, feeds[name]])));
    const executed = new Set((await session.profile()).map(({ nodeName }) => nodeName));
    const inRuns = [...nodes]
      .filter(([name]) => executed.has(name))
      .map(([, node]) => `${node.opType} ${node.outputs.find((output) => output !== null)?.name}`);
    return { atLoad: nodes.size - inRuns.length, inRuns };
  } finally {
    await session.close();
  }
}
