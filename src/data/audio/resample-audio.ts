// Change of sampling rate by a windowed-sinc polyphase filter: 32 zero crossings on each side, Kaiser window with beta 9 (about 90 dB
// of stopband attenuation), passband to 0.94 of the lower Nyquist frequency. Rates are whole numbers, so phases repeat.

const zeroCrossings = 32;
const beta = 9;
const rolloff = 0.97;

/** `samples` at rate `from`, at rate `to`: ceil(length × to / from) of them, in time with the first sample. */
export function resampleAudio(samples: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return samples;
  const divisor = greatestCommonDivisor(from, to);
  const up = to / divisor;
  const down = from / divisor;
  const length = Math.ceil((samples.length * up) / down);
  const result = new Float32Array(length);
  const cutoff = Math.min(1, up / down) * rolloff;
  const halfWidth = zeroCrossings / cutoff;
  const taps = 2 * Math.ceil(halfWidth) + 1;
  const phases = new Map<number, Float64Array>();
  for (let i = 0; i < length; i++) {
    const position = i * down;
    const phase = position % up;
    const centre = (position - phase) / up;
    let filter = phases.get(phase);
    if (!filter) {
      filter = phaseFilter(phase / up, taps, cutoff, halfWidth);
      phases.set(phase, filter);
    }
    const first = centre - (taps - 1) / 2;
    const start = Math.max(0, -first);
    const end = Math.min(taps, samples.length - first);
    let sum = 0;
    for (let k = start; k < end; k++) sum += filter[k] * samples[first + k];
    result[i] = sum;
  }
  return result;
}

/** Weights of the input samples around a position `fraction` after one of them; they sum to 1. */
function phaseFilter(fraction: number, taps: number, cutoff: number, halfWidth: number): Float64Array {
  const middle = (taps - 1) / 2;
  const filter = new Float64Array(taps);
  let sum = 0;
  for (let k = 0; k < taps; k++) {
    const distance = k - middle - fraction;
    const x = Math.PI * distance * cutoff;
    const relative = distance / halfWidth;
    const window = Math.abs(relative) >= 1 ? 0 : bessel0(beta * Math.sqrt(1 - relative * relative)) / bessel0(beta);
    filter[k] = (x === 0 ? 1 : Math.sin(x) / x) * window;
    sum += filter[k];
  }
  return filter.map((weight) => weight / sum);
}

/** Modified Bessel function of the first kind, order 0, by its series. */
function bessel0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / 2 / k) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
