// Reads the profile that onnxruntime writes when a session ends profiling: a JSON array of trace events.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProfileEvent } from '../engine.js';

interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

const kernelSuffix = '_kernel_time';

/** The operator executions in the one profile of `folder`, in the order in which they ended. */
export function readProfile(folder: string): ProfileEvent[] {
  const [file] = readdirSync(folder);
  if (file === undefined) return [];
  const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as TraceEvent[];
  return events
    .filter(({ cat, name }) => cat === 'Node' && name.endsWith(kernelSuffix))
    .map(({ name, dur, args }) => ({
      nodeName: name.slice(0, -kernelSuffix.length),
      opType: args?.op_name ?? '',
      microseconds: dur,
    }));
}
