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
  return parseProfile(readFileSync(join(folder, file), 'utf8'));
}

/** The operator executions in a profile. */
export function parseProfile(text: string): ProfileEvent[] {
  // What else a runtime may have written stands around it.
  return (JSON.parse(text.slice(text.indexOf('['), text.lastIndexOf(']') + 1)) as TraceEvent[])
    .filter(({ cat, name }) => cat === 'Node' && name.endsWith(kernelSuffix))
    .map(({ name, dur, args }) => ({
      nodeName: name.slice(0, -kernelSuffix.length),
      opType: args?.op_name ?? '',
      microseconds: dur,
    }));
}
