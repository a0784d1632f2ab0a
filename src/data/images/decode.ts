// Decoding of image files with sharp into 8-bit RGB or gray pixels, as Pillow's convert('RGB') and convert('L') give them: no
// rotation by EXIF, no colour profiles, transparency dropped.
import { readFileSync } from 'node:fs';
import { DsoptError, ioError } from '../../errors.js';
import type { Pixels } from './resample.js';

export const imageExtensions = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif'];

export async function decodeImage(path: string, gray: boolean): Promise<Pixels> {
  const { default: sharp } = await import('sharp');
  let file: Uint8Array;
  try {
    file = readFileSync(path);
  } catch (cause) {
    throw ioError('read', path, cause);
  }
  try {
    // Of a file in memory, small images take libvips a third less time than of a path.
    const { data, info } = await sharp(file, { ignoreIcc: true, failOn: 'error', sequentialRead: true })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const pixels = { data, width: info.width, height: info.height, channels: info.channels };
    if (gray) return toGray(pixels);
    return pixels.channels === 1 ? repeatChannel(pixels) : pixels;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DsoptError('IO', `Cannot decode the image ${path}: ${reason}`, {
      hint: 'Remove it from the data, or convert it to JPEG or PNG.',
      cause,
    });
  }
}

/** ITU-R 601 luma in 16-bit fixed point, Pillow's L24. */
function toGray({ data, width, height, channels }: Pixels): Pixels {
  if (channels === 1) return { data, width, height, channels };
  const result = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < result.length; i++, at += channels) {
    result[i] = (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16;
  }
  return { data: result, width, height, channels: 1 };
}

function repeatChannel({ data, width, height }: Pixels): Pixels {
  const result = new Uint8Array(data.length * 3);
  for (let i = 0; i < data.length; i++) result.fill(data[i], i * 3, i * 3 + 3);
  return { data: result, width, height, channels: 3 };
}
