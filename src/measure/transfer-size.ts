// How many bytes files are when they are compressed on their way: what zeros and few distinct values win, though no kernel computes them faster.
import { createReadStream, statSync } from 'node:fs';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { ioError, throwIfAborted } from '../errors.js';

export interface TransferSize {
  /** Bytes, with level 6. */
  readonly gzip: number;
  /** Bytes, with quality 6. */
  readonly brotli: number;
  /** Bytes, with level 3; null where this Node.js has no Zstandard (before 22.15). */
  readonly zstd: number | null;
}

/** Larger models take too long to compress. */
const mostBytes = 256 * 2 ** 20;

/** Sums over `paths`; null where they are too large. Throws IO. */
export async function transferSize(paths: readonly string[], signal?: AbortSignal): Promise<TransferSize | null> {
  try {
    if (paths.reduce((sum, path) => sum + statSync(path).size, 0) > mostBytes) return null;
  } catch (cause) {
    throw ioError('read', paths[0], cause);
  }
  const total = { gzip: 0, brotli: 0, zstd: 0 };
  const hasZstd = createZstd() !== null;
  for (const path of paths) {
    throwIfAborted(signal);
    const { BROTLI_PARAM_QUALITY } = zlib.constants;
    total.gzip += await bytesThrough(path, zlib.createGzip({ level: 6 }));
    total.brotli += await bytesThrough(path, zlib.createBrotliCompress({ params: { [BROTLI_PARAM_QUALITY]: 6 } }));
    if (hasZstd) total.zstd += await bytesThrough(path, createZstd()!);
  }
  return { ...total, zstd: hasZstd ? total.zstd : null };
}

/** Later versions of Node.js have it. */
function createZstd(): Transform | null {
  const { createZstdCompress } = zlib as { createZstdCompress?: () => Transform };
  return createZstdCompress?.() ?? null;
}

async function bytesThrough(path: string, compressor: Transform): Promise<number> {
  const source = createReadStream(path);
  source.on('error', (error) => compressor.destroy(error));
  source.pipe(compressor);
  let bytes = 0;
  try {
    for await (const chunk of compressor) bytes += (chunk as Buffer).length;
  } catch (cause) {
    throw ioError('read', path, cause);
  }
  return bytes;
}
