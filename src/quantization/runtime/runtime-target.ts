// The runtime that a model is meant for: cpu (onnxruntime-node), web (onnxruntime-web), either of a version, or generic: ONNX's own operators, for whatever
// implements them. What the runtimes implement was found by running one-node models (see runtime-table.ts).
import { usageError } from '../../errors.js';
import { runtimeTable } from './runtime-table.js';

export interface RuntimeTarget {
  readonly runtime: 'cpu' | 'web' | 'generic';
  /** Of onnxruntime; null: the newest that was tried. */
  readonly version: string | null;
}

export const defaultTarget: RuntimeTarget = { runtime: 'cpu', version: null };

/** `cpu`, `web@1.20`, `generic`. Throws USAGE for anything else, and for versions before the oldest that was tried. */
export function parseTarget(text: string): RuntimeTarget {
  const match = /^(cpu|web|generic)(?:@(\d+(?:\.\d+){0,2}))?$/.exec(text);
  if (!match || (match[1] === 'generic' && match[2])) {
    throw usageError(
      `${text} is no runtime`,
      'Possible: cpu, web, generic; the first two with a version, like cpu@1.20.',
    );
  }
  const target = { runtime: match[1] as RuntimeTarget['runtime'], version: match[2] ?? null };
  const oldest = sinceOf(target, 'opset 17');
  if (target.version !== null && oldest !== null && !isAtLeast(target.version, oldest)) {
    throw usageError(
      `${text} is older than ${oldest}, the oldest version that was tried`,
      `Use ${target.runtime}@${oldest} or newer.`,
    );
  }
  return target;
}

/** Whether the runtime runs a probe of the table. Of a generic one nothing is known: it is taken to run what ONNX defines. */
export function implementsProbe(target: RuntimeTarget, probe: string): boolean {
  if (target.runtime === 'generic') return true;
  const since = sinceOf(target, probe);
  return since !== null && (target.version === null || isAtLeast(target.version, since));
}

/** Whether it computes the probe with integers instead of converting around it. */
export function computesIntegers(target: RuntimeTarget, probe: string): boolean {
  return implementsProbe(target, probe) && (target.runtime === 'generic' || runtimeTable[probe]?.[2] === true);
}

/** The newest opset that the runtime reads; infinite where that is not known. */
export function highestOpset(target: RuntimeTarget): number {
  if (target.runtime === 'generic') return Number.POSITIVE_INFINITY;
  const opsets = Object.keys(runtimeTable).flatMap((probe) => {
    const [, opset] = /^opset (\d+)$/.exec(probe) ?? [];
    return opset && implementsProbe(target, probe) ? [Number(opset)] : [];
  });
  return Math.max(...opsets);
}

function sinceOf({ runtime }: RuntimeTarget, probe: string): string | null {
  return runtimeTable[probe]?.[runtime === 'web' ? 1 : 0] ?? null;
}

function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split('.').map(Number));
  for (let part = 0; part < a.length; part++) if (a[part] !== (b[part] ?? 0)) return a[part] > (b[part] ?? 0);
  // 1.20 stands for the newest 1.20.
  return true;
}
