// onnxruntime-web has no files: in Node.js it writes a profile to standard output, event by event, while profiling ends.
import fs from 'node:fs';

/** What `action`, which must not wait, writes to standard output through the file system, instead of its being written. */
export function catchOutput(action: () => void): string {
  const write = fs.writeSync;
  let caught = '';
  // The WebAssembly module asks the same object at each call.
  fs.writeSync = ((fd: number, data: string | NodeJS.ArrayBufferView, ...rest: never[]) => {
    if (fd !== 1 || typeof data !== 'string') return write(fd, data as string, ...rest);
    caught += data;
    return Buffer.byteLength(data);
  }) as typeof fs.writeSync;
  try {
    action();
  } finally {
    fs.writeSync = write;
  }
  return caught;
}
