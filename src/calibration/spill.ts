// Tensors on disk: values of many samples that memory is not meant for. They lie in a file without a name, which the system removes when it is closed
// or the process ends, however it ends.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { internalError, ioError } from '../errors.js';
import { MemoryTensor, Tensor, type TensorDescription } from '../tensor/index.js';

export class SpillFile {
  private readonly fd: number;
  private length = 0;
  private open = true;

  constructor() {
    let folder: string | null = null;
    try {
      folder = mkdtempSync(join(tmpdir(), 'dsopt-samples-'));
      this.fd = openSync(join(folder, 'values'), 'wx+');
    } catch (cause) {
      throw ioError('write', tmpdir(), cause);
    } finally {
      if (folder) rmSync(folder, { recursive: true, force: true });
    }
  }

  /** `tensor`, read from the file from now on. Throws IO when the disk is full. */
  store(tensor: Tensor): Tensor {
    const bytes = tensor.bytes();
    const offset = this.length;
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.fd, bytes, done, Math.min(bytes.length - done, mostAtOnce), offset + done);
      }
    } catch (cause) {
      throw ioError('write', tmpdir(), cause);
    }
    this.length += bytes.length;
    return new SpilledTensor(tensor, this, offset);
  }

  read(offset: number, length: number): Uint8Array {
    if (!this.open) throw internalError('What was written to disk is read after its file was closed');
    const bytes = new Uint8Array(length);
    try {
      for (let done = 0; done < length; ) {
        const count = readSync(this.fd, bytes, done, Math.min(length - done, mostAtOnce), offset + done);
        if (count === 0) throw Object.assign(new Error('unexpected end of file'), { code: 'EIO' });
        done += count;
      }
    } catch (cause) {
      throw ioError('read', tmpdir(), cause);
    }
    return bytes;
  }

  /** The tensors that it holds can no longer be read. */
  close(): void {
    if (this.open) closeSync(this.fd);
    this.open = false;
  }
}

const mostAtOnce = 1 << 30;

/** `tensor` itself, or what is on disk of it. */
export function inMemory(tensor: Tensor): Tensor {
  if (!(tensor instanceof SpilledTensor)) return tensor;
  return new MemoryTensor(tensor.dataType, tensor.shape, tensor.read());
}

class SpilledTensor extends Tensor {
  private readonly file: SpillFile;
  private readonly offset: number;

  constructor({ dataType, shape }: Tensor, file: SpillFile, offset: number) {
    super(dataType, shape);
    this.file = file;
    this.offset = offset;
  }

  override *chunks(from = 0, to = this.byteLength): Iterable<Uint8Array> {
    yield this.file.read(this.offset + from, to - from);
  }

  override bytes(): Uint8Array {
    return this.file.read(this.offset, this.byteLength);
  }

  override describe(): TensorDescription | null {
    return null;
  }
}
