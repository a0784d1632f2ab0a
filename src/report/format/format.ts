// Figures as people read them: sizes in megabytes (10^6 bytes), times in milliseconds, a real minus sign.

const minus = '−';

/** `418.1 MB`; below a megabyte `12.3 kB`, below a hundred bytes `40 B`. */
export function formatBytes(bytes: number): string {
  if (Math.abs(bytes) < 100) return `${signed(bytes.toFixed(0))} B`;
  const [unit, name] = Math.abs(bytes) < 1e6 ? [1e3, 'kB'] : [1e6, 'MB'];
  return `${signed((bytes / unit).toFixed(1))} ${name}`;
}

/** `−74.7 %`: how far `after` is from `before`. */
export function formatChange(before: number, after: number): string {
  if (before === 0) return after === 0 ? '0.0 %' : 'new';
  const percent = ((after - before) / before) * 100;
  const text = percent.toFixed(1);
  if (Number(text) === 0) return '0.0 %';
  return `${percent > 0 ? '+' : ''}${signed(text)} %`;
}

/** `62.1 ms`, three digits. */
export function formatMilliseconds(milliseconds: number): string {
  return `${digits(milliseconds)} ms`;
}

/** Three significant digits, whole numbers from 100 on. */
export function digits(value: number): string {
  if (Math.abs(value) >= 100) return signed(Math.round(value).toString());
  return signed(value.toFixed(Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3));
}

/** Four digits, and more where it takes them to tell it from 1: `0.9993`, `0.999998`. Null (a NaN) is `undefined`. */
export function formatCosine(cosine: number | null): string {
  if (cosine === null) return 'undefined';
  const places = cosine < 1 ? Math.min(Math.max(Math.ceil(-Math.log10(1 - cosine)), 4), 9) : 4;
  return signed(cosine.toFixed(places));
}

/** Signal to noise in decibels; null stands for no noise at all. */
export function formatDecibels(decibels: number | null): string {
  return decibels === null ? 'no noise' : `${signed(decibels.toFixed(1))} dB`;
}

/** `0.0312`, `1.25e-7`. */
export function formatError(error: number | null): string {
  if (error === null) return 'not finite';
  if (error === 0) return '0';
  return error >= 1e-4 && error < 1e5 ? String(Number(error.toPrecision(3))) : error.toExponential(2);
}

/** `12,345,678`. */
export function formatCount(count: number): string {
  return signed(count.toFixed(0).replace(/\B(?=(\d{3})+(?!\d))/g, ','));
}

/** `11.2 G`, `3.4 M`: large counts with a metric prefix. */
export function formatMagnitude(count: number): string {
  for (const [unit, name] of [
    [1e12, ' T'],
    [1e9, ' G'],
    [1e6, ' M'],
    [1e3, ' k'],
  ] as const) {
    if (count >= unit) return `${digits(count / unit)}${name}`;
  }
  return String(count);
}

/** `1 node`, `3 nodes`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function signed(text: string): string {
  return text.replace('-', minus);
}
