// What the teacher computes for batches: run by the engine once for each example and kept, as long as that stays small.

import type { Engine, Feeds, Session } from '../../engine/index.js';
import { DsoptError, unsupportedModel } from '../../errors.js';
import { cloneModel, type Model, type Value } from '../../ir/index.js';
import { concatenate } from '../../numeric/index.js';
import { float32Tensor, type Tensor } from '../../tensor/index.js';
import type { Batch } from './examples.js';
import type { TeacherCache } from './teacher-cache.js';

/** Bytes of outputs that are kept. */
const mostKept = 256 << 20;

export interface TeacherOptions {
  /** An example has the same outputs in every batch, whatever it is padded to. */
  readonly keeps: boolean;
  readonly threads: number;
  /** Keeps outputs from run to run. */
  readonly cache?: TeacherCache | null;
}

export class Teacher {
  private readonly session: Session;
  private readonly names: readonly string[];
  /** Rows of outputs, by example. */
  private shapes: Readonly<Record<string, readonly number[]>> | null = null;
  private readonly kept = new Map<number, Readonly<Record<string, Float32Array>>>();
  private readonly keeps: boolean;
  private keptBytes = 0;

  private readonly cache: TeacherCache | null;
  private fresh = false;

  private constructor(session: Session, names: readonly string[], keeps: boolean, cache: TeacherCache | null) {
    this.session = session;
    this.names = names;
    this.keeps = keeps;
    this.cache = keeps ? cache : null;
    const known = this.cache?.read();
    if (!known) return;
    this.shapes = known.shapes;
    for (const [index, row] of known.rows) this.kept.set(index, row);
  }

  /** `names`: values to give. */
  static async open(
    model: Model,
    names: readonly string[],
    engine: Engine,
    { keeps, threads, cache = null }: TeacherOptions,
  ): Promise<Teacher> {
    const copy = cloneModel(model);
    const { graph } = copy;
    const values = new Map<string, Value>(graph.outputs.map((output) => [output.name, output]));
    for (const node of graph.nodes()) for (const output of node.outputs) if (output) values.set(output.name, output);
    for (const name of names) {
      const value = values.get(name)!;
      if (!value.isGraphOutput) graph.addOutput(value);
    }
    return new Teacher(await engine.open(copy, { threads }), names, keeps, cache);
  }

  async outputs({ indices, sample }: Batch): Promise<Readonly<Record<string, Tensor>>> {
    if (this.names.length === 0) return {};
    const rows = this.keeps ? indices.map((index) => this.kept.get(index)) : [];
    const shapes = this.shapes;
    if (shapes && rows.length > 0 && rows.every((row) => row !== undefined)) {
      return Object.fromEntries(
        this.names.map((name) => [
          name,
          float32Tensor([indices.length, ...shapes[name]], concatenate(rows.map((row) => row[name]))),
        ]),
      );
    }
    const results = await this.run(this.fitting(sample.feeds));
    if (this.keeps) this.keep(indices, results);
    return results;
  }

  private async run(feeds: Feeds): Promise<Readonly<Record<string, Tensor>>> {
    try {
      return await this.session.run(feeds, this.names);
    } catch (cause) {
      if (!(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED') throw cause;
      const shapes = Object.entries(feeds).map(([name, { shape }]) => `${name} [${shape.join(', ')}]`);
      throw unsupportedModel(
        `The teacher does not run on a batch of the data, ${shapes.join(', ')}: ${cause.message}`,
        'Give data in the shapes that the model takes.',
      );
    }
  }

  async close(): Promise<void> {
    await this.session.close();
    if (this.fresh && this.shapes) this.cache?.write({ shapes: this.shapes, rows: this.kept });
  }

  private keep(indices: readonly number[], results: Readonly<Record<string, Tensor>>): void {
    const { length } = indices;
    if (!this.names.every((name) => results[name].shape[0] === length)) return;
    this.shapes ??= Object.fromEntries(this.names.map((name) => [name, results[name].shape.slice(1)]));
    for (const [position, index] of indices.entries()) {
      if (this.kept.has(index)) continue;
      const row = Object.fromEntries(
        this.names.map((name) => {
          const values = results[name].readFloat32();
          const size = values.length / length;
          return [name, values.slice(position * size, (position + 1) * size)];
        }),
      );
      const bytes = Object.values(row).reduce((sum, values) => sum + values.byteLength, 0);
      if (this.keptBytes + bytes > mostKept) return;
      this.keptBytes += bytes;
      this.kept.set(index, row);
      this.fresh = true;
    }
  }

  /** By name, or by position where the teacher calls its inputs differently. */
  private fitting(feeds: Feeds): Feeds {
    const values = Object.values(feeds);
    return Object.fromEntries(this.session.inputs.map(({ name }, index) => [name, feeds[name] ?? values[index]]));
  }
}
