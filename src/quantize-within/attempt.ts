// What a search for operators to keep asks of its caller: to quantize with options added to those that were given, and to say what came of it.
import type { CompressionReport } from '../report/index.js';

export type PassOptions = Readonly<Record<string, unknown>>;

export interface AttemptPurpose {
  /** `result`: it is to be written and evaluated; `trial`: evaluated, or measured, only; `ranking`: only the passes matter. */
  readonly purpose: 'result' | 'trial' | 'ranking';
  /** Its latency must be measured, for which it may have to be written. */
  readonly measure?: boolean;
  /** Written even where it misses the limit of its evaluation. */
  readonly keepMissed?: boolean;
}

/** Where a limit of the evaluation is missed, the report says so, and nothing is thrown. */
export type Attempt = (added: PassOptions, purpose: AttemptPurpose) => Promise<CompressionReport>;

export interface SearchSettings {
  /** What the options leave out already. */
  readonly exclude: readonly string[];
  /** Told of every set of operators that was tried. */
  log(line: string): void;
}
