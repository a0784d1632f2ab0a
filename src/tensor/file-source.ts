// A file that tensors are ranges of. It is opened for each read and checked to be the file it was at load,
// so that nothing stays open and a file changed underneath is an error, never silently wrong weights.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { DsoptError, fileChanged, ioError, notAFile } from '../errors.js';
import { chunkLength } from './chunk-length.js';

export interface FileSourceDescription {
  readonly path: string;
  readonly size: number;
  readonly modified: number;
}

/** A file that is open. */
export interface FileReader {
  readonly size: number;
  /** Bytes [offset, offset + length), in a buffer of their own. */
  read(offset: number, length: number): Uint8Array;
}

/** Buffers of `chunkLength` bytes that no iteration uses: fresh memory costs as much as reading into it. */
const spareBuffers: Uint8Array[] = [];

export class FileSource {
  readonly path: string;
  readonly size: number;
  private readonly modified: number;

  private constructor(path: string, size: number, modified: number) {
    this.path = path;
    this.size = size;
    this.modified = modified;
  }

  /** Throws IO for what cannot be read, and for folders, pipes and devices. */
  static open(path: string): FileSource {
    return withDescriptor(path, (fd) => {
      const stat = fstatSync(fd);
      if (stat.isDirectory()) throw Object.assign(new Error('is a folder'), { code: 'EISDIR' });
      if (!stat.isFile()) throw notAFile(path);
      return new FileSource(path, stat.size, stat.mtimeMs);
    });
  }

  static restore(description: FileSourceDescription): FileSource {
    return new FileSource(description.path, description.size, description.modified);
  }

  describe(): FileSourceDescription {
    return { path: this.path, size: this.size, modified: this.modified };
  }

  /** Throws IO when the file is no longer the one it was at load; for those who let others read it. */
  assertUnchanged(): void {
    withDescriptor(this.path, (fd) => this.check(fd));
  }

  /** Bytes [offset, offset + length) of the file, in a buffer of their own or in `target`. */
  read(offset: number, length: number, target: Uint8Array = new Uint8Array(length)): Uint8Array {
    return withDescriptor(this.path, (fd) => {
      this.check(fd);
      readFully(fd, offset, target, length);
      return target.subarray(0, length);
    });
  }

  /** Opens the file once for many reads, while `action` runs. */
  reading<Result>(action: (reader: FileReader) => Result): Result {
    return withDescriptor(this.path, (fd) => {
      this.check(fd);
      return action({
        size: this.size,
        read(offset, length) {
          const target = new Uint8Array(length);
          readFully(fd, offset, target, length);
          return target;
        },
      });
    });
  }

  /** Consecutive pieces of [offset, offset + length), each valid until the next one is asked for or the iteration ends. */
  *pieces(offset: number, length: number): Iterable<Uint8Array> {
    const fd = openForRead(this.path);
    const buffer = spareBuffers.pop() ?? new Uint8Array(chunkLength);
    try {
      this.check(fd);
      for (let done = 0; done < length; done += chunkLength) {
        const count = Math.min(chunkLength, length - done);
        readFully(fd, offset + done, buffer, count);
        yield buffer.subarray(0, count);
      }
    } catch (cause) {
      throw isSystemError(cause) ? ioError('read', this.path, cause) : cause;
    } finally {
      spareBuffers.push(buffer);
      closeSync(fd);
    }
  }

  private check(fd: number): void {
    const stat = fstatSync(fd);
    if (stat.size !== this.size || stat.mtimeMs !== this.modified) {
      throw fileChanged(this.path);
    }
  }
}

function openForRead(path: string): number {
  try {
    // Without O_NONBLOCK, opening a pipe would wait for somebody to write into it.
    return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw ioError('read', path, cause);
  }
}

function withDescriptor<Result>(path: string, action: (fd: number) => Result): Result {
  const fd = openForRead(path);
  try {
    return action(fd);
  } catch (cause) {
    throw isSystemError(cause) ? ioError('read', path, cause) : cause;
  } finally {
    closeSync(fd);
  }
}

function isSystemError(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && !(cause instanceof DsoptError);
}

function readFully(fd: number, position: number, target: Uint8Array, length: number): void {
  const most = 1 << 30;
  for (let done = 0; done < length; ) {
    const count = readSync(fd, target, done, Math.min(most, length - done), position + done);
    if (count === 0) throw Object.assign(new Error('unexpected end of file'), { code: 'EIO' });
    done += count;
  }
}
