// A warning where quantization moved outputs further than rounding should: what that may mean, and what to try.

import { formatCosine } from '../format/format.js';
import type { CompressionReport, PassFacts } from '../schema/compression-report.js';

/** Quantized models that work are above 0.99; below this, decisions change. */
const leastCosine = 0.95;

/** Null where no pass quantized, nothing was compared, or the outputs stayed near. */
export function movementWarning({ fidelity, passes }: Pick<CompressionReport, 'fidelity' | 'passes'>): string | null {
  const quantized = passes.filter(({ pass, changed }) => pass.startsWith('quantize-') && changed.length > 0);
  if (!fidelity || quantized.length === 0) return null;
  const moved = fidelity.outputs
    .flatMap(({ name, cosine }) => (cosine !== null && cosine < leastCosine ? [{ name, cosine }] : []))
    .sort((a, b) => a.cosine - b.cosine);
  if (moved.length === 0) return null;
  const [{ name, cosine }] = moved;
  const more = moved.length > 1 ? `, and ${moved.length - 1} more` : '';
  const isMadeUp = fidelity.inputs === 'synthetic';
  const meaning = isMadeUp
    ? 'On made-up inputs that may mean little: give real ones with --calibration-data, or measure with --eval-data and --metric'
    : 'Decisions of the model may have changed: measure with --eval-data and --metric';
  return `${name} moved far from the original's (cosine ${formatCosine(cosine)}${more}). ${meaning}. To try: ${advice(quantized, isMadeUp)}.`;
}

function advice(quantized: readonly PassFacts[], isMadeUp: boolean): string {
  const tries: string[] = [];
  const names = new Set(quantized.map(({ pass }) => pass));
  if (names.has('quantize-static')) {
    tries.push(
      'samples prepared as the model was trained (size, range and order of channels: --image-size, --image-scale, --image-mean, …)',
    );
    if (quantized.some(({ options }) => options.preset === 'balanced')) tries.push('--preset accurate');
  }
  if (names.has('quantize-weights')) {
    tries.push('more --bits');
    if (isMadeUp) tries.push('--calibration-data');
  }
  tries.push('what dsopt explain says to --exclude');
  return tries.join('; ');
}
