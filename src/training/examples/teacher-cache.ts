// What a teacher computed for examples, in a file that is named after teacher, values and examples; a damaged or missing one only costs time.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { ioError } from '../../errors.js';

/** Rows of values by example, and the shapes of a row. */
export interface KeptOutputs {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly rows: ReadonlyMap<number, Readonly<Record<string, Float32Array>>>;
}

export class TeacherCache {
  private readonly folder: string;
  private readonly path: string;

  /** `identity`: everything that the outputs depend on. */
  constructor(folder: string, identity: readonly string[]) {
    const name = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 32);
    this.folder = folder;
    this.path = join(folder, `${name}.teacher`);
  }

  read(): KeptOutputs | null {
    try {
      return deserialize(readFileSync(this.path)) as KeptOutputs;
    } catch {
      return null;
    }
  }

  write(outputs: KeptOutputs): void {
    try {
      mkdirSync(this.folder, { recursive: true });
      writeFileSync(`${this.path}.new`, serialize(outputs));
      renameSync(`${this.path}.new`, this.path);
    } catch (cause) {
      throw ioError('write', this.path, cause);
    }
  }
}
