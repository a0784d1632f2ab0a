// Tensors put aside on disk, sample after sample: what one slice of a large model hands over to the next.
import { closeSync, mkdtempSync, openSync, readSync, realpathSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Feeds } from '../engine/index.js';
import { ioError } from '../errors.js';
import { type DataType, MemoryTensor, type Tensor, typedArrayOf } from '../tensor/index.js';

interface Place {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly length: number;
}

const openFolders = new Set<string>();
process.on('exit', () => {
  for (const folder of openFolders) rmSync(folder, { recursive: true, force: true });
});

/** A temporary file that only this object knows; strings cannot be put aside. */
export class TensorFile {
  private readonly folder: string;
  private readonly path: string;
  private readonly descriptor: number;
  private readonly samples: Record<string, Place>[] = [];
  private position = 0;

  constructor() {
    this.folder = mkdtempSync(join(realpathSync(tmpdir()), 'dsopt-'));
    openFolders.add(this.folder);
    this.path = join(this.folder, 'activations');
    this.descriptor = openSync(this.path, 'wx+', 0o600);
  }

  /** Appends the tensors of the next sample. Throws IO. */
  append(tensors: Readonly<Record<string, Tensor>>): void {
    const places: Record<string, Place> = {};
    for (const [name, tensor] of Object.entries(tensors)) {
      const bytes = tensor.bytes();
      places[name] = { dataType: tensor.dataType, shape: tensor.shape, offset: this.position, length: bytes.length };
      this.write(bytes);
    }
    this.samples.push(places);
  }

  /** The tensors of sample `index`, read now. */
  read(index: number): Feeds {
    const entries = Object.entries(this.samples[index]).map(([name, { dataType, shape, offset, length }]) => {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const count = readSync(this.descriptor, bytes, done, length - done, offset + done);
        if (count === 0) throw ioError('read', this.path, { code: 'EOF' });
        done += count;
      }
      return [name, new MemoryTensor(dataType, shape, typedArrayOf(dataType, bytes))];
    });
    return Object.fromEntries(entries);
  }

  /** Types and shapes that `name` had, one a sample. */
  descriptions(name: string): readonly Pick<Tensor, 'dataType' | 'shape'>[] {
    return this.samples.map((places) => places[name]);
  }

  close(): void {
    closeSync(this.descriptor);
    rmSync(this.folder, { recursive: true, force: true });
    openFolders.delete(this.folder);
  }

  private write(bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.descriptor, bytes, done, bytes.length - done, this.position + done);
      }
    } catch (cause) {
      throw ioError('write', this.path, cause);
    }
    this.position += bytes.length;
  }
}
