// What a verification measured, as the report says it: JSON knows no infinity, so a missing difference is null.
import type { FidelityReport, NamedFidelity } from '../../verification/index.js';
import type { Fidelity } from '../schema/compression-report.js';

export function describeFidelity(measured: FidelityReport): Fidelity {
  return {
    inputs: measured.synthetic ? 'synthetic' : 'given',
    samples: measured.samples,
    method: measured.method,
    slices: measured.slices,
    outputs: measured.outputs.map(describeOutput),
    worst: measured.worst && describeOutput(measured.worst),
    ...(measured.decoding && { decoding: { ...measured.decoding, inRuns: [...measured.decoding.inRuns] } }),
  };
}

function describeOutput(measured: NamedFidelity): Fidelity['outputs'][number] {
  const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null);
  const { name, identical, nonFinite, differentShapes } = measured;
  return {
    name,
    identical,
    cosine: finite(measured.cosine),
    sqnr: finite(measured.sqnr),
    maxAbsError: finite(measured.maxAbsError),
    nonFinite,
    differentShapes,
  };
}
