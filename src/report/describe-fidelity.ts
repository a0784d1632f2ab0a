// What a verification measured, as the report says it: JSON knows no infinity, so a missing difference is null.
import type { FidelityReport, NamedFidelity } from '../verification/index.js';
import type { Fidelity } from './compression-report.js';

export function describeFidelity(measured: FidelityReport): Fidelity {
  return {
    inputs: measured.synthetic ? 'synthetic' : 'given',
    samples: measured.samples,
    method: measured.method,
    slices: measured.slices,
    outputs: measured.outputs.map(describeOutput),
    worst: measured.worst && describeOutput(measured.worst),
  };
}

function describeOutput({ name, cosine, sqnr, maxAbsError }: NamedFidelity): Fidelity['outputs'][number] {
  const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null);
  return { name, cosine: finite(cosine), sqnr: finite(sqnr), maxAbsError: finite(maxAbsError) };
}
