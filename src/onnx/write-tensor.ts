// Writes the bytes of one tensor into a file at a position; a task, so that worker threads can do it.
import { closeSync, openSync, writeSync } from 'node:fs';
import { ioError } from '../errors.js';
import type { Task } from '../parallel/index.js';
import { restoreTensor, type Tensor, type TensorDescription } from '../tensor/index.js';

interface WriteTensorInput {
  readonly path: string;
  readonly position: number;
  readonly tensor: TensorDescription;
}

export const writeTensorTask: Task<WriteTensorInput, void> = {
  module: import.meta.url,
  exportName: 'writeTensorTask',
  async run({ path, position, tensor }) {
    const restored = await restoreTensor(tensor);
    let fd: number;
    try {
      fd = openSync(path, 'r+');
    } catch (cause) {
      throw ioError('write', path, cause);
    }
    try {
      writeTensor(fd, path, position, restored);
    } finally {
      closeSync(fd);
    }
  },
};

export function writeTensor(fd: number, path: string, position: number, tensor: Tensor): void {
  let at = position;
  for (const chunk of tensor.chunks()) {
    writeBytes(fd, path, at, chunk);
    at += chunk.length;
  }
}

export function writeBytes(fd: number, path: string, position: number, bytes: Uint8Array): void {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  } catch (cause) {
    throw ioError('write', path, cause);
  }
}
