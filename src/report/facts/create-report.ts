// Puts the facts of a run together.
import type { PassReport } from '../../pass/index.js';
import type {
  CompressionReport,
  Fidelity,
  ModelFacts,
  PassFacts,
  Speed,
  Transfer,
} from '../schema/compression-report.js';
import type { CompressionEvaluation } from '../schema/evaluation-report.js';
import type { NodeComparison, WeightGroups } from '../schema/node-comparison.js';
import { schemaName } from '../schema/schema-name.js';
import type { Target } from '../schema/target.js';
import { describeEnvironment } from './environment.js';
import { movementWarning } from './movement-warning.js';

export interface RunFacts {
  readonly command: CompressionReport['command'];
  readonly seed: number;
  readonly input: ModelFacts;
  readonly output: ModelFacts | null;
  /** Whether the output was written to files; default false. */
  readonly written?: boolean;
  /** Default cpu. */
  readonly target?: Target;
  readonly passes: readonly PassReport[];
  /** What passes calibrated with; default: nothing. */
  readonly calibration?: string;
  readonly fidelity?: Fidelity | null;
  readonly evaluation?: CompressionEvaluation | null;
  /** Milliseconds in the engine of the evaluation. */
  readonly inference?: readonly number[];
  /** What was measured, or why nothing was; default: it was not asked for. */
  readonly speed?: Speed | string;
  readonly weights?: WeightGroups | null;
  readonly nodes?: NodeComparison | null;
  /** Bytes of the files when compressed. */
  readonly transfer?: Transfer | null;
  readonly warnings?: readonly string[];
  readonly started: Date;
  /** Milliseconds of each part of the run, in order. */
  readonly phases: readonly { readonly phase: string; readonly milliseconds: number }[];
}

export function createReport(facts: RunFacts): CompressionReport {
  const { speed = 'it was not asked for', fidelity = null } = facts;
  const passes = facts.passes.map(passFacts);
  const moved = movementWarning({ fidelity, passes });
  return {
    schema: schemaName,
    command: facts.command,
    seed: facts.seed,
    input: facts.input,
    output: facts.output,
    written: facts.written ?? false,
    target: facts.target ?? 'cpu',
    passes,
    calibration: facts.calibration ?? null,
    fidelity,
    evaluation: facts.evaluation ?? null,
    weights: facts.weights ?? null,
    nodes: facts.nodes ?? null,
    transfer: facts.transfer ?? null,
    warnings: [...(facts.warnings ?? []), ...(moved ? [moved] : [])],
    environment: describeEnvironment(),
    timing: {
      started: facts.started.toISOString(),
      milliseconds: Date.now() - facts.started.getTime(),
      phases: facts.phases.map(({ phase, milliseconds }) => ({ phase, milliseconds })),
      // Kilobytes, whatever the system.
      peakMemory: process.resourceUsage().maxRSS * 1024,
      latency: typeof speed === 'string' ? null : speed,
      inference: [...(facts.inference ?? [])],
      notMeasured: typeof speed === 'string' ? speed : null,
    },
  };
}

function passFacts({
  pass,
  options,
  edited,
  changed,
  skipped,
  metrics,
  warnings,
  techniques = [],
  curves = {},
  table,
}: PassReport): PassFacts {
  return {
    pass,
    options: { ...options },
    edited,
    changed: [...changed],
    skipped: [...skipped],
    metrics: { ...metrics },
    warnings: [...warnings],
    ...(techniques.length > 0 && { techniques: techniques.map(copyTechnique) }),
    ...(Object.keys(curves).length > 0 && { curves: copyCurves(curves) }),
    ...(table && { table: { columns: [...table.columns], rows: table.rows.map((row) => [...row]) } }),
  };
}

function copyTechnique({ targets, before, after, ...facts }: NonNullable<PassReport['techniques']>[number]) {
  const finite = (error: number): number | null => (Number.isFinite(error) ? error : null);
  return { ...facts, targets: [...targets], before: finite(before), after: finite(after) };
}

function copyCurves(curves: NonNullable<PassReport['curves']>): NonNullable<PassFacts['curves']> {
  return Object.fromEntries(
    Object.entries(curves).map(([name, points]) => [name, points.map(([x, y]): [number, number] => [x, y])]),
  );
}
