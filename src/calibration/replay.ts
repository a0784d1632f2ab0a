// Runs a model piece by piece on all samples: what is computed up to a node is kept, so that going on to the next node costs only what lies in
// between, however often the rest of the model is edited meanwhile. What memory is not meant for lies on disk.
import type { Engine, Feeds } from '../engine/index.js';
import { throwIfAborted, usageError } from '../errors.js';
import { cloneModel, type Model, type Node, tensorType, type Value } from '../ir/index.js';
import type { Tensor } from '../tensor/index.js';
import { inMemory, SpillFile } from './spill.js';

export interface ReplayOptions {
  readonly engine: Engine;
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Bytes that everything may take, of which a quarter is for what is kept here; default no limit. */
  readonly maxMemory?: number;
}

/** Bytes of all that is kept in memory. */
const mostBytes = 2 * 2 ** 30;
const shareKept = 1 / 4;

type Kept = ReadonlyMap<Value, Tensor>;

export class Replay {
  private readonly model: Model;
  private readonly options: ReplayOptions;
  /** By sample: the values that are computed already and still needed. */
  private readonly kept: Kept[];
  private files: SpillFile[] = [];

  private constructor(model: Model, kept: Kept[], options: ReplayOptions) {
    this.model = model;
    this.kept = kept;
    this.options = options;
  }

  /** Before the first node. Throws USAGE where there are no samples. */
  static async start(model: Model, samples: AsyncIterable<Feeds>, options: ReplayOptions): Promise<Replay> {
    const inputs = model.graph.inputs.filter(({ isInitializer }) => !isInitializer);
    const kept: Kept[] = [];
    for await (const feeds of samples) kept.push(new Map(inputs.map((input) => [input, feeds[input.name]])));
    if (kept.length === 0)
      throw usageError('There are no samples to calibrate with', 'Give data with --calibration-data.');
    return new Replay(model, kept, options);
  }

  get samples(): number {
    return this.kept.length;
  }

  /** Removes what lies on disk; the replay is of no use afterwards. */
  close(): void {
    for (const file of this.files.splice(0)) file.close();
  }

  /**
   * Goes on to right before `node`, and hands over these values, sample after sample; they may also be computed behind it. What is behind
   * `node` may be edited afterwards.
   */
  async *advance(node: Node, wanted: readonly Value[]): AsyncGenerator<ReadonlyMap<Value, Tensor>> {
    const known = this.kept[0];
    const live = liveValues(this.model, node);
    const computed = [...new Set([...live, ...wanted])].filter((value) => !known.has(value));
    const session =
      computed.length > 0
        ? await this.options.engine.open(pieceOf(this.model, known, computed), { threads: this.options.threads })
        : null;
    try {
      const needed = session?.inputs.map(({ name }) => name) ?? [];
      const most = Math.min(mostBytes, (this.options.maxMemory ?? Number.POSITIVE_INFINITY) * shareKept);
      const earlier = this.files.length;
      let bytes = 0;
      const keep = (tensor: Tensor): Tensor => {
        if (tensor.dataType === 'string' || bytes + tensor.byteLength <= most) {
          bytes += tensor.byteLength;
          return inMemory(tensor);
        }
        if (this.files.length === earlier) this.files.push(new SpillFile());
        return this.files[earlier].store(tensor);
      };
      for (const [sample, before] of this.kept.entries()) {
        throwIfAborted(this.options.signal);
        const feeds: Record<string, Tensor> = {};
        for (const [value, tensor] of before) if (needed.includes(value.name)) feeds[value.name] = tensor;
        const outputs = session ? await session.run(feeds) : {};
        const tensorOf = (value: Value): Tensor => before.get(value) ?? outputs[value.name];
        this.kept[sample] = new Map([...live].map((value) => [value, keep(tensorOf(value))]));
        yield new Map(wanted.map((value) => [value, tensorOf(value)]));
      }
      // All that is still needed was written anew.
      for (const file of this.files.splice(0, earlier)) file.close();
    } finally {
      await session?.close();
    }
  }
}

/** What is computed before `node` and used from there on; constants are not. */
function liveValues(model: Model, node: Node): ReadonlySet<Value> {
  const position = new Map<Node, number>();
  for (const other of model.graph.nodes()) position.set(other, position.size);
  const cut = position.get(node)!;
  const behind = (user: Node): boolean => {
    // Of a node in a subgraph the node of the main graph that holds it counts.
    let outer: Node | null | undefined = user;
    while (outer && !position.has(outer)) outer = outer.graph?.parent;
    return outer ? position.get(outer)! >= cut : false;
  };
  const live = new Set<Value>();
  const consider = (value: Value): void => {
    const users = [...value.uses].map((use) => use.node);
    // What a subgraph hands on unchanged is used by the node that holds it.
    const holders = [...value.outputOf].flatMap((graph) => graph.parent ?? []);
    if ([...users, ...holders].some(behind)) live.add(value);
  };
  for (const input of model.graph.inputs) if (!input.isInitializer) consider(input);
  for (const other of model.graph.nodes()) {
    if (other === node) break;
    if (!other.is('Constant')) for (const output of other.outputs) if (output) consider(output);
  }
  return live;
}

/** A model that computes `wanted` from what is known. */
function pieceOf(model: Model, known: Kept, wanted: readonly Value[]): Model {
  const piece = cloneModel(model);
  const { graph } = piece;
  const byName = new Map<string, Value>();
  for (const input of graph.inputs) byName.set(input.name, input);
  for (const node of graph.nodes()) for (const output of node.outputs) if (output) byName.set(output.name, output);
  for (const output of [...graph.outputs]) graph.removeOutput(output);
  for (const [value, tensor] of known) {
    const copy = byName.get(value.name)!;
    if (copy.producer === null) continue;
    const name = copy.name;
    copy.rename(graph.scope.uniqueName(`${name}_before`));
    const rank = tensor.shape.map(() => null);
    copy.replaceAllUsesWith(graph.addInput(name, tensorType(tensor.dataType, rank)));
  }
  for (const { name } of wanted) {
    const copy = byName.get(name)!;
    // What a file declares of it may be wrong.
    copy.type = copy.type?.kind === 'tensor' ? tensorType(copy.type.dataType, null) : null;
    graph.addOutput(copy);
  }
  for (const node of [...graph.nodes()].reverse())
    if (!node.outputs.some((output) => output?.isUsed)) graph.remove(node);
  for (const value of [...graph.initializers]) if (!value.isUsed) graph.removeInitializer(value);
  for (const input of [...graph.inputs]) if (!input.isUsed) graph.removeInput(input);
  return piece;
}
