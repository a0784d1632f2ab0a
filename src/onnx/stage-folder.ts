// The folder beside an output in which it is written before it is moved into place. A process that ends removes its own; of one that was
// killed, the next one that writes there does.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ioError } from '../errors.js';
import { makeFolder } from './make-folder.js';

export interface Stage {
  readonly stage: string;
  /** Removes the stage, and the folder around it where it was created for it and is empty. */
  discard(): void;
}

/** Of stages in use; called when the process ends in the middle. */
const pendingDiscards = new Set<() => void>();
process.on('exit', () => {
  for (const discard of pendingDiscards) discard();
});

/** What names of stages made on this machine begin with: ids of processes mean nothing on others that share the folder. */
const prefix = `.dsopt-${createHash('sha256').update(hostname()).digest('hex').slice(0, 8)}-`;

/** Throws IO when the folder cannot be written to. */
export function makeStage(folder: string): Stage {
  const removeFolder = makeFolder(folder);
  removeAbandoned(folder);
  let stage: string;
  try {
    stage = mkdtempSync(join(folder, `${prefix}${process.pid}-`));
  } catch (cause) {
    removeFolder();
    throw ioError('write in', folder, cause);
  }
  const discard = (): void => {
    pendingDiscards.delete(discard);
    rmSync(stage, { recursive: true, force: true });
    removeFolder();
  };
  pendingDiscards.add(discard);
  return { stage, discard };
}

/** Removes the stages of processes that are no more. */
function removeAbandoned(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return;
  }
  for (const name of names) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (Number.isNaN(pid) || isRunning(pid)) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    // It runs, but is another user's.
    return (cause as NodeJS.ErrnoException).code === 'EPERM';
  }
}
