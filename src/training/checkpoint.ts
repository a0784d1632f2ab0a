// How far a training is, in one file that is replaced as a whole, so that a killed process leaves the last complete one.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { ioError, usageError } from '../errors.js';
import type { OptimizerState } from './optimizers/index.js';

export interface TrainingState {
  /** Steps done. */
  readonly step: number;
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly optimizer: OptimizerState;
  readonly average: ReadonlyMap<string, Float32Array> | null;
  readonly best:
    | (HeldOutLoss & {
        readonly weights: ReadonlyMap<string, Float32Array>;
      })
    | null;
  readonly checks: readonly HeldOutLoss[];
  readonly losses: readonly number[];
  /** Checks without a better loss. */
  readonly stale: number;
}

export interface HeldOutLoss {
  readonly step: number;
  readonly loss: number;
  /** Share of the answers that are right, where that is what weights are chosen by. */
  readonly score: number | null;
}

export class TrainingCheckpoint {
  private readonly path: string;
  private readonly key: string;

  /** `key`: everything that the course of the training depends on. */
  constructor(folder: string, key: string) {
    try {
      mkdirSync(folder, { recursive: true });
    } catch (cause) {
      throw ioError('create', folder, cause);
    }
    this.path = join(folder, 'training.checkpoint');
    this.key = key;
  }

  /** null where there is none. Throws USAGE for one of another training. */
  read(): TrainingState | null {
    let content: { readonly key?: string; readonly state?: TrainingState };
    try {
      content = deserialize(readFileSync(this.path));
    } catch {
      return null;
    }
    if (content.key !== this.key || !content.state) {
      throw usageError(
        `${this.path} is of another training: other models, data or options`,
        'Give the same ones, or another --checkpoint folder.',
      );
    }
    return content.state;
  }

  write(state: TrainingState): void {
    try {
      writeFileSync(`${this.path}.new`, serialize({ key: this.key, state }));
      renameSync(`${this.path}.new`, this.path);
    } catch (cause) {
      throw ioError('write', this.path, cause);
    }
  }
}
