// A session on a model with switches, cut into parts: what comes before the first switched node is computed once for a sample, by the run
// without any, and not again.
import type { Engine, Feeds, Session, ValueInfo } from '../engine/index.js';
import type { Model } from '../ir/index.js';
import { nodeLabel } from '../pass/index.js';
import { extractPart } from '../rewrite/index.js';
import { MemoryTensor, type Tensor } from '../tensor/index.js';
import { planParts } from './plan-parts.js';
import type { SwitchedModel } from './switch-nodes.js';

/** More parts save little more, and each hands values over. */
const mostParts = 8;

type Results = Record<string, Tensor>;

interface Part {
  readonly session: Session;
  /** Outputs of the model that it computes. */
  readonly outputs: ReadonlySet<string>;
  /** What it hands over to the parts behind it. */
  readonly handedOver: readonly string[];
}

export class SwitchedSession {
  /** Of the model without switches. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: SwitchedModel['nodes'];
  private readonly mask: string;
  private readonly parts: readonly Part[];
  /** Part of each switched node. */
  private readonly partOf: readonly number[];
  /** What was known in front of each part in the run without switches. */
  private remembered: Results[] = [];
  private readonly inputNames: ReadonlySet<string>;

  constructor(switched: SwitchedModel, parts: readonly Part[], partOf: readonly number[]) {
    const hidden = new Set(switched.nodes.flatMap(({ error }) => (error ? [error.noise, error.signal] : [])));
    const infos = (pick: (session: Session) => readonly ValueInfo[], wanted: readonly string[]): ValueInfo[] => {
      const all = parts.flatMap(({ session }) => pick(session));
      return wanted.flatMap((name) => all.find((info) => info.name === name) ?? []);
    };
    const { graph } = switched.model;
    const inputs = graph.inputs.filter(({ isInitializer, name }) => !isInitializer && name !== switched.mask);
    const outputs = graph.outputs.filter(({ name }) => !hidden.has(name));
    this.inputs = infos(
      ({ inputs }) => inputs,
      inputs.map(({ name }) => name),
    );
    this.outputs = infos(
      ({ outputs }) => outputs,
      outputs.map(({ name }) => name),
    );
    this.inputNames = new Set([...inputs.map(({ name }) => name), switched.mask]);
    this.nodes = switched.nodes;
    this.mask = switched.mask;
    this.parts = parts;
    this.partOf = partOf;
  }

  /**
   * Runs with the nodes at `on` switched. A run with some comes after the run with none on the same feeds, and names no outputs that that
   * one did not name, but those of errors.
   */
  async run(feeds: Feeds, outputs: readonly string[], on: readonly number[]): Promise<Results> {
    if (on.length === 0) this.remembered = [];
    const first = on.length === 0 ? 0 : Math.min(...on.map((index) => this.partOf[index]));
    const mask = Uint8Array.from(this.nodes, (_, index) => (on.includes(index) ? 1 : 0));
    const known: Results = { ...feeds, ...this.remembered[first] };
    const results: Results = Object.fromEntries(
      outputs.flatMap((name) => (known[name] && !this.inputNames.has(name) ? [[name, known[name]]] : [])),
    );
    known[this.mask] = new MemoryTensor('bool', [mask.length], mask);
    for (const { session, outputs: own, handedOver } of this.parts.slice(first)) {
      if (on.length === 0) this.remembered.push({ ...known });
      const wanted = outputs.filter((name) => own.has(name));
      const names = [...new Set([...wanted, ...handedOver])];
      if (names.length === 0) continue;
      const given = Object.fromEntries(session.inputs.map(({ name }) => [name, known[name]]));
      const made = await session.run(given, names);
      Object.assign(known, made);
      for (const name of wanted) results[name] = made[name];
    }
    return results;
  }

  async close(): Promise<void> {
    for (const { session } of this.parts) await session.close();
  }
}

/** onnxruntime fails to join some equal constants of main graph and branches ('extended'); less optimized, it loads them. */
async function openPiece(piece: Model, engine: Engine, threads: number): Promise<Session> {
  try {
    return await engine.open(piece, { threads });
  } catch {
    return await engine.open(piece, { threads, optimization: 'basic' });
  }
}

export interface OpenSwitchedOptions {
  readonly engine: Engine;
  readonly threads: number;
  /** Whether runs may be cut: every run must get the same feeds as the run without switches before it. */
  readonly cut: boolean;
}

/** `model` is the one that `switched` was made of. Throws what the engine throws. */
export async function openSwitched(
  model: Model,
  switched: SwitchedModel,
  { engine, threads, cut }: OpenSwitchedOptions,
): Promise<SwitchedSession> {
  const labels = new Set(switched.nodes.map(({ label }) => label));
  const { cuts, byNode } = planParts(
    model,
    labels,
    cut ? mostParts : 1,
    cut ? await engine.inferTypes(model) : new Map(),
  );
  const partOfLabel = new Map<string, number>();
  const partOfOutput = new Map<string, number>();
  for (const [node, part] of byNode) {
    const inside = node.subgraphs().flatMap((graph) => [...graph.allNodes()]);
    for (const inner of [node, ...inside]) partOfLabel.set(nodeLabel(inner), part);
    for (const output of node.outputs) if (output) partOfOutput.set(output.name, part);
  }
  for (const { label, error } of switched.nodes) {
    for (const name of error ? [error.noise, error.signal] : []) partOfOutput.set(name, partOfLabel.get(label)!);
  }
  const parts: Part[] = [];
  try {
    for (let part = 0; part <= cuts.length; part++) {
      const isOwn = (name: string): boolean => (partOfOutput.get(name) ?? 0) === part;
      const handedOver = [...(cuts[part]?.keys() ?? [])].filter(isOwn);
      const outputs = new Set(switched.model.graph.outputs.map(({ name }) => name).filter(isOwn));
      const piece = extractPart(switched.model, cuts[part - 1] ?? new Map(), [...new Set([...outputs, ...handedOver])]);
      parts.push({ session: await openPiece(piece, engine, threads), outputs, handedOver });
    }
  } catch (cause) {
    for (const { session } of parts) await session.close();
    throw cause;
  }
  return new SwitchedSession(
    switched,
    parts,
    switched.nodes.map(({ label }) => partOfLabel.get(label) ?? 0),
  );
}
