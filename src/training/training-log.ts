// One line of JSON for each step, in a file that a resumed training goes on with from where its checkpoint is.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { ioError } from '../errors.js';

export interface LoggedStep {
  readonly step: number;
  readonly loss: number;
  readonly terms: readonly number[];
  readonly rate: number;
  readonly norm: number;
  readonly examples: number;
  readonly milliseconds: number;
}

/** Throws IO where the file cannot be read or written. */
export class TrainingLog {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Drops what an earlier run wrote of steps after `step`: a killed one was ahead of its checkpoint. */
  begin(step: number): void {
    this.attempt(() => {
      const kept = step > 0 && existsSync(this.path) ? linesUntil(readFileSync(this.path, 'utf8'), step) : [];
      writeFileSync(this.path, kept.map((line) => `${line}\n`).join(''));
    });
  }

  add(step: LoggedStep): void {
    this.attempt(() => appendFileSync(this.path, `${JSON.stringify(step)}\n`));
  }

  private attempt(write: () => void): void {
    try {
      write();
    } catch (cause) {
      throw ioError('write', this.path, cause);
    }
  }
}

function linesUntil(text: string, step: number): string[] {
  return text.split('\n').filter((line) => {
    const logged = stepOf(line);
    return logged !== null && logged <= step;
  });
}

/** null for what is no whole line of a log. */
function stepOf(line: string): number | null {
  try {
    const { step } = JSON.parse(line) as Partial<LoggedStep>;
    return typeof step === 'number' ? step : null;
  } catch {
    return null;
  }
}
