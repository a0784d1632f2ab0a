// The one error class of dsopt: a closed set of codes, a message (what and where), a hint (what to do) and the cause.
// Every error a user can meet is made by a factory below, so that its wording stays in one place.

export type ErrorCode =
  | 'INTERNAL'
  | 'USAGE'
  | 'RECIPE'
  | 'MODEL_INVALID'
  | 'MODEL_UNSUPPORTED'
  | 'VERIFICATION'
  | 'IO'
  | 'MEMORY'
  | 'THRESHOLD'
  | 'ABORTED';

/** Exit code of the command line for each error code. */
export const exitCodes: Readonly<Record<ErrorCode, number>> = {
  INTERNAL: 1,
  USAGE: 2,
  RECIPE: 2,
  MODEL_INVALID: 3,
  MODEL_UNSUPPORTED: 3,
  VERIFICATION: 4,
  IO: 5,
  MEMORY: 5,
  THRESHOLD: 99,
  ABORTED: 130,
};

export class DsoptError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | null;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DsoptError';
    this.code = code;
    this.hint = options.hint ?? null;
  }
}

export function internalError(message: string, cause?: unknown): DsoptError {
  return new DsoptError('INTERNAL', message, {
    hint: 'This is a defect in dsopt or in the pass that was running; please report it with the model.',
    cause,
  });
}

export function usageError(message: string, hint?: string): DsoptError {
  return new DsoptError('USAGE', message, { hint });
}

export function recipeError(message: string, hint?: string, cause?: unknown): DsoptError {
  return new DsoptError('RECIPE', message, { hint, cause });
}

export function invalidModel(message: string, options: { hint?: string; cause?: unknown } = {}): DsoptError {
  return new DsoptError('MODEL_INVALID', message, {
    hint: options.hint ?? 'The file is damaged or not an ONNX model; export or download it again.',
    cause: options.cause,
  });
}

export function unsupportedModel(message: string, hint?: string, cause?: unknown): DsoptError {
  return new DsoptError('MODEL_UNSUPPORTED', message, { hint, cause });
}

export function verificationFailed(message: string, hint?: string, cause?: unknown): DsoptError {
  return new DsoptError('VERIFICATION', message, { hint, cause });
}

export function trainingDiverged(message: string): DsoptError {
  return new DsoptError('VERIFICATION', message, {
    hint: 'Lower the learning rate (--lr), warm up longer (--warmup), or clip gradients shorter (--clip).',
  });
}

const ioHints: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path.',
  EISDIR: 'A file is expected, not a folder.',
  ENOTDIR: 'A part of the path is a file, not a folder.',
  EACCES: 'Check the permissions.',
  EPERM: 'Check the permissions.',
  EROFS: 'The file system is read-only; choose another folder.',
  ENOSPC: 'The disk is full; free space or choose another folder.',
  EEXIST: 'Pass --overwrite to replace it, or choose another name with --output.',
  EMFILE: 'Too many files are open; raise the limit (ulimit -n).',
};

/** An operating-system error while doing `action` on `path`. */
export function ioError(action: string, path: string, cause: unknown): DsoptError {
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? '';
  const reason = code ? ` (${code})` : cause instanceof Error ? `: ${cause.message}` : '';
  return new DsoptError('IO', `Cannot ${action} ${path}${reason}`, { hint: ioHints[code], cause });
}

export function notAFile(path: string): DsoptError {
  return new DsoptError('IO', `Cannot read ${path}: it is a pipe or a device`, { hint: 'A file is expected.' });
}

export function fileChanged(path: string): DsoptError {
  return new DsoptError('IO', `${path} changed while it was in use`, { hint: 'Run the command again.' });
}

export function outputExists(path: string): DsoptError {
  return new DsoptError('IO', `${path} exists already`, { hint: ioHints.EEXIST });
}

export function memoryLimit(message: string, hint = 'Raise --max-memory or free memory.'): DsoptError {
  return new DsoptError('MEMORY', message, { hint });
}

export function thresholdMissed(message: string, hint?: string): DsoptError {
  return new DsoptError('THRESHOLD', message, { hint });
}

export function aborted(cause?: unknown): DsoptError {
  return new DsoptError('ABORTED', 'Interrupted', { hint: 'Nothing was written.', cause });
}

/** Throws the abort error when `signal` has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal.reason);
}
