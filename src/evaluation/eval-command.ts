// Metrics from a program of the user: run for a model, it prints a number or an object of numbers as its last line.
import { usageError } from '../errors.js';

/**
 * `command`: words separated by blanks, or in quotes as a shell takes them; `{model}` stands for the path. The first word is the program;
 * no shell is involved.
 */
export async function runEvalCommand(
  command: string,
  model: string,
  { metric, signal }: { readonly metric?: string; readonly signal?: AbortSignal } = {},
): Promise<{ readonly name: string; readonly value: number; readonly all: Readonly<Record<string, number>> }> {
  const { execa } = await import('execa');
  if (!command.includes('{model}')) {
    throw usageError(
      '--eval-command does not say where the model goes',
      'Write {model} in its place: "node eval.js {model}".',
    );
  }
  const [program, ...args] = splitWords(command).map((word) => word.replaceAll('{model}', model));
  const result = await execa(program, args, {
    reject: false,
    stderr: 'inherit',
    cancelSignal: signal,
    preferLocal: true,
  });
  signal?.throwIfAborted();
  if (result.failed) {
    const reason = result.exitCode === undefined ? result.shortMessage : `it ended with exit code ${result.exitCode}`;
    throw usageError(`The evaluation command failed for ${model}: ${reason}`, 'Run it by hand to see why.');
  }
  return readResult(lastLine(result.stdout), metric);
}

/**
 * Blanks separate words, but not in '…' or "…", whose quotes are left out. A backslash before a blank or a quote stands for that
 * character, elsewhere for itself (paths of Windows). Throws USAGE for a quote without its end.
 */
export function splitWords(command: string): string[] {
  const word = /(?:'[^']*'|"(?:\\.|[^"])*"|\\[\s'"]|[^\s'"])+/gs;
  if (command.replace(word, '').trim() !== '') throw usageError('A quote of --eval-command has no end', command);
  const parts = /'([^']*)'|"((?:\\.|[^"])*)"|\\([\s'"])/gs;
  return (command.match(word) ?? []).map((text) =>
    text.replace(
      parts,
      (_, plain?: string, quoted?: string, escaped?: string) =>
        plain ?? quoted?.replace(/\\(["\s])/g, '$1') ?? escaped ?? '',
    ),
  );
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}

/** `0.91`, `{"top1": 0.91}` or `{"metric": "top1", "value": 0.91}`. Throws USAGE for anything else. */
export function readResult(line: string, wanted?: string) {
  const hint = 'The last line it prints must be JSON: a number, or an object of numbers such as {"top1": 0.91}.';
  let result: unknown;
  try {
    result = JSON.parse(line);
  } catch {
    throw usageError(`The evaluation command printed no JSON last, but ${JSON.stringify(line.slice(0, 80))}`, hint);
  }
  if (typeof result === 'number')
    return { name: wanted ?? 'value', value: result, all: { [wanted ?? 'value']: result } };
  const fields = Object.entries((result ?? {}) as Record<string, unknown>);
  const numbers = Object.fromEntries(fields.filter((field): field is [string, number] => typeof field[1] === 'number'));
  const { metric, value } = Object.fromEntries(fields);
  if (typeof metric === 'string' && typeof value === 'number' && (wanted === undefined || wanted === metric)) {
    return { name: metric, value, all: numbers };
  }
  const name = wanted ?? Object.keys(numbers)[0];
  if (name === undefined || !(name in numbers)) {
    throw usageError(`The evaluation command printed no number${name ? ` called ${name}` : ''}`, hint);
  }
  return { name, value: numbers[name], all: numbers };
}
