// A model that is being changed and its reference, run side by side on all samples: the values around one operator after another, in the order of
// the graph, at the cost of one run of each, as what was computed up to an operator is kept (`Replay`).
import { type ProbedValues, Replay } from '../../calibration/index.js';
import { DsoptError } from '../../errors.js';
import type { Model, Node, Value } from '../../ir/index.js';
import type { PassContext } from '../../pass/index.js';
import { valuesByName } from '../../rewrite/index.js';

export type Visit = (own: ProbedValues, original: ProbedValues) => void | Promise<void>;

export class Lockstep {
  readonly model: Model;
  readonly reference: Model;
  /** The values of the reference by name. */
  readonly expected: ReadonlyMap<string, Value>;
  private readonly context: PassContext;
  private readonly positions: ReadonlyMap<Node, number>;
  private replays: { readonly own: Replay; readonly original: Replay } | null = null;
  /** Where the reference has got to; infinity where nothing is kept any more. */
  private position = -1;

  /** `reference` has the same inputs and is not edited meanwhile; of `model` what lies behind the operators that were visited may be. */
  constructor(model: Model, reference: Model, context: PassContext) {
    this.model = model;
    this.reference = reference;
    this.expected = valuesByName(reference.graph);
    this.context = context;
    this.positions = new Map([...reference.graph.nodes()].map((node, at) => [node, at]));
  }

  /** Whether a visit costs only what lies between it and the one before. */
  get keepsValues(): boolean {
    return Number.isFinite(this.position);
  }

  /**
   * For each sample, the values `own` of the model and `original` of the reference. Nodes are visited in the order of the graph, each once or more. `start` is called
   * again where it has to begin anew, because what is kept became too much.
   */
  async visit(node: Node, own: readonly Value[], original: readonly Value[], start: () => Visit): Promise<void> {
    const there = this.expected.get(node.output.name)?.producer ?? null;
    if (there && this.positions.get(there)! >= this.position) {
      try {
        return await this.replay(node, there, own, original, start());
      } catch (error) {
        this.position = Number.POSITIVE_INFINITY;
        this.replays = null;
        if (!(error instanceof DsoptError && error.code === 'MEMORY')) throw error;
      }
    }
    const visit = start();
    const probes = [
      { model: this.model, values: own },
      { model: this.reference, values: original },
    ];
    await this.context.sweep(probes, ([here, before]) => visit(here, before));
  }

  private async replay(
    node: Node,
    there: Node,
    own: readonly Value[],
    original: readonly Value[],
    visit: Visit,
  ): Promise<void> {
    this.replays ??= await this.begin();
    this.position = this.positions.get(there)!;
    const references = this.replays.original.advance(there, original);
    try {
      for await (const here of this.replays.own.advance(node, own)) {
        const { value: before } = await references.next();
        await visit(here, before);
      }
      // To its end, where it closes what it opened.
      await references.next();
    } finally {
      await references.return(undefined);
    }
  }

  private async begin(): Promise<{ own: Replay; original: Replay }> {
    const { engine, workers, signal, samples } = this.context;
    const options = { engine, threads: workers.jobs, signal, maxMemory: this.context.maxMemory };
    return {
      own: await Replay.start(this.model, samples!, options),
      original: await Replay.start(this.reference, samples!, options),
    };
  }
}
