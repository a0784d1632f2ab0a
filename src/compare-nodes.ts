// How far the nodes of a compressed model are from those of the model it was made of: outputs of the same name are compared, which holds
// errors of everything before them too. For the worst, the distributions of weights and outputs.
import type { Engine, Feeds, Session } from './engine/index.js';
import { throwIfAborted } from './errors.js';
import type { Model, Node } from './ir/index.js';
import { elementValues, FidelityMeter } from './metrics/index.js';
import { finiteRange, histogram } from './numeric/index.js';
import { constantSource } from './ops/index.js';
import { nodeLabel } from './pass/index.js';
import type { NodeComparison } from './report/index.js';
import { exposeValues } from './rewrite/index.js';
import { findWorkingFeeds } from './synthetic/index.js';
import { castTensor, isFloat, type Tensor } from './tensor/index.js';

export interface CompareNodesOptions {
  readonly engine: Engine;
  readonly seed?: number;
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  readonly signal?: AbortSignal;
}

const samples = 2;
/** Nodes whose distributions are told. */
const worstNodes = 4;
const bins = 40;

/** `original`: the model after cleanup, before anything was changed that changes results. Throws what the engine throws. */
export async function compareNodes(
  original: Model,
  result: Model,
  { engine, seed, inputShapes, signal }: CompareNodesOptions,
): Promise<NodeComparison> {
  const nodes = comparableNodes(original, result);
  const names = nodes.map(({ output }) => output.name);
  const first = await engine.open(exposeValues(original, names), { lowMemory: true });
  try {
    const second = await engine.open(exposeValues(result, names), { lowMemory: true });
    try {
      const feeds = await findWorkingFeeds(first, original, { seed, inputShapes, signal });
      const meters = names.map(() => new FidelityMeter());
      for (let sample = 0; sample < samples; sample++) {
        throwIfAborted(signal);
        const [expected, actual] = await runBoth(first, second, feeds.at(sample), names);
        for (const [index, name] of names.entries()) addPair(meters[index], expected[name], actual[name]);
      }
      const figures = meters.map(({ fidelity }) => ({ sqnr: finite(fidelity.sqnr), cosine: finite(fidelity.cosine) }));
      const worst = [...figures.keys()]
        .filter((index) => figures[index].sqnr !== null)
        .sort((a, b) => figures[a].sqnr! - figures[b].sqnr!)
        .slice(0, worstNodes);
      const [expected, actual] = await runBoth(
        first,
        second,
        feeds.at(0),
        worst.map((index) => names[index]),
      );
      return {
        samples,
        nodes: nodes.map((node, index) => ({ node: nodeLabel(node), operator: node.qualifiedType, ...figures[index] })),
        worst: worst.map((index) => ({
          node: nodeLabel(nodes[index]),
          weights: weightHistogram(nodes[index]),
          ...outputHistograms(expected[names[index]], actual[names[index]]),
        })),
      };
    } finally {
      await second.close();
    }
  } finally {
    await first.close();
  }
}

type Results = Readonly<Record<string, Tensor>>;

async function runBoth(a: Session, b: Session, feeds: Feeds, names: readonly string[]): Promise<[Results, Results]> {
  if (names.length === 0) return [{}, {}];
  return [await a.run(feeds, names), await b.run(feeds, names)];
}

/** Floats of another width are compared as float32; what is no longer a float is not compared. */
function addPair(meter: FidelityMeter, expected: Tensor, actual: Tensor): void {
  if (expected.dataType === actual.dataType) meter.add(expected, actual);
  else if (isFloat(expected.dataType) && isFloat(actual.dataType)) {
    meter.add(castTensor(expected, 'float32'), castTensor(actual, 'float32'));
  }
}

/** Nodes of the main graph with float weights, whose output the result computes too. */
function comparableNodes(original: Model, result: Model): Node[] {
  const computed = new Set([...result.graph.nodes()].flatMap((node) => node.outputs.map((output) => output?.name)));
  return [...original.graph.nodes()].filter(
    (node) => weightOf(node) !== null && node.outputs[0] !== null && computed.has(node.output.name),
  );
}

/** The largest constant of floats among the inputs. */
function weightOf(node: Node): Tensor | null {
  const weights = node.inputs.flatMap((input) => constantSource(input)?.tensor ?? []);
  const floats = weights.filter(({ dataType, shape }) => isFloat(dataType) && shape.length > 1);
  return floats.sort((a, b) => b.size - a.size)[0] ?? null;
}

function weightHistogram(node: Node) {
  const weight = weightOf(node);
  return weight && describe(histogram(weight.readFloat32(), bins));
}

/** Both over the range of the original. */
function outputHistograms(expected: Tensor, actual: Tensor) {
  const original = elementValues(expected) ?? [];
  const range = finiteRange(original);
  return {
    original: describe(histogram(original, bins, range)),
    result: describe(histogram(elementValues(actual) ?? [], bins, range)),
  };
}

function describe({ low, high, counts }: ReturnType<typeof histogram>) {
  return { low, high, counts: [...counts] };
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
