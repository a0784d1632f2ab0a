// Measured fidelity in the words of a report, where JSON has neither NaN nor infinities.
import type { Fidelity as MeasuredFidelity } from '../metrics/index.js';
import type { Fidelity } from './compression-report.js';

export interface OutputFidelity {
  readonly name: string;
  readonly fidelity: MeasuredFidelity;
}

export function fidelityFacts(
  outputs: readonly OutputFidelity[],
  samples: number,
  inputs: Fidelity['inputs'],
): Fidelity {
  return {
    inputs,
    samples,
    outputs: outputs.map(({ name, fidelity }) => ({
      name,
      identical: fidelity.identical,
      cosine: finite(fidelity.cosine),
      sqnr: finite(fidelity.sqnr),
      maxAbsError: finite(fidelity.maxAbsError),
      nonFinite: fidelity.nonFinite,
      differentShapes: fidelity.differentShapes,
    })),
  };
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
