// Values of options: numbers, sizes, shapes, files.
import { extname } from 'node:path';
import { InvalidArgumentError } from 'commander';

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

/** `500MB`, `2 GiB`, `1048576` → bytes. */
export function parseSize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = match && units[match[2].toLowerCase()];
  if (!match || unit === undefined) throw new InvalidArgumentError('A size is written like 500MB or 2GiB.');
  const bytes = Math.floor(Number(match[1]) * (unit ?? 1));
  if (bytes < 1) throw new InvalidArgumentError('A size is at least one byte.');
  return bytes;
}

/** `ids:1x128` → adds `{ ids: [1, 128] }`. Names may contain colons: the last one counts. */
export function parseInputShape(
  text: string,
  previous: Readonly<Record<string, readonly number[]>> = {},
): Readonly<Record<string, readonly number[]>> {
  const match = /^(.+):(\d+(?:[x,]\d+)*)$/.exec(text);
  if (!match) throw new InvalidArgumentError('A shape is written like input_ids:1x128.');
  return { ...previous, [match[1]]: match[2].split(/[x,]/).map(Number) };
}

export function parseCount(text: string): number {
  const value = parseWholeNumber(text);
  if (value < 1) throw new InvalidArgumentError('It must be at least 1.');
  return value;
}

export function parseNatural(text: string): number {
  const value = parseWholeNumber(text);
  if (value < 0) throw new InvalidArgumentError('It cannot be negative.');
  return value;
}

export function parseSeed(text: string): number {
  const value = parseWholeNumber(text);
  if (value < 0) throw new InvalidArgumentError('A seed is a whole number from 0 on.');
  return value;
}

/** The file of a report; its name tells the format. May be repeated. */
export function parseReportPath(text: string, previous: readonly string[] = []): readonly string[] {
  if (!['.json', '.md', '.html'].includes(extname(text))) {
    throw new InvalidArgumentError('A report is a .json, .md or .html file.');
  }
  return [...previous, text];
}

/** Collects the values of an option that may be repeated. */
export function collect(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, text];
}

export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It is not a number.');
  return value;
}

export function parseWholeNumber(text: string): number {
  const value = parseNumber(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It is not a whole number.');
  return value;
}

/** `8,4` → [8, 4]. */
export function parseBits(text: string): readonly number[] {
  return text.split(',').map((part) => {
    const bits = parseWholeNumber(part);
    if (bits < 2 || bits > 8) throw new InvalidArgumentError('Bits are 2 to 8, like 8,4.');
    return bits;
  });
}

/** `50%` or `0.5` → 0.5. */
export function parseShare(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(%|x)?\s*$/i.exec(text);
  const share = match ? Number(match[1]) / (match[2] === '%' ? 100 : 1) : Number.NaN;
  if (!(share > 0 && share < 1))
    throw new InvalidArgumentError('A share is written like 50% or 0.5x, between 0 and 1.');
  return share;
}

/** `cpu`, `web`, `generic`, and versions: what they mean is checked where it is used. */
export function parseRuntime(text: string): string {
  if (/^(cpu|web)(@\d+(\.\d+){0,2})?$|^generic$/.test(text)) return text;
  throw new InvalidArgumentError('Possible: cpu, web, generic; the first two with a version, like cpu@1.20.');
}
