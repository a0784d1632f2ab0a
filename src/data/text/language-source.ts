// Language-modelling text: the tokens of every line that is not empty, line ends included, one after the other, cut into windows.
// Each window predicts the token after each of its own, the one that follows the window too, so that without overlap every token
// but the first is predicted once. Models of bytes take the text as it is.
import { createReadStream } from 'node:fs';
import { ioError, usageError } from '../../errors.js';
import type { ParsedDataOptions } from '../data-options.js';
import type { ModelInterface, Sample, Targets } from '../dataset.js';
import { formatInput } from '../fit.js';
import type { StreamSource } from '../source.js';
import { example } from '../source.js';
import { type TokenInputs, tokenInputs } from './token-inputs.js';
import { TokenQueue } from './token-queue.js';
import { findTokenizer, openTokenizer, type TextTokenizer } from './tokenizer.js';

const defaultWindow = 256;
const byteVocabulary = 256;

export async function openLanguage(
  path: string,
  options: ParsedDataOptions,
  model: ModelInterface,
): Promise<StreamSource> {
  const vocabulary = vocabularyOf(model);
  const tokenizerPath = findTokenizer(options.tokenizer, model);
  const byteLevel =
    tokenizerPath === null && (vocabulary === byteVocabulary || model.inputs[0]?.type?.dataType === 'uint8');
  if (tokenizerPath === null && !byteLevel) {
    throw usageError(
      `${path} is text, and there is no tokenizer`,
      'Name the tokenizer.json of the model with --tokenizer.',
    );
  }
  const tokenizer = tokenizerPath === null ? null : await openTokenizer(tokenizerPath);
  const inputs = tokenInputs(model, tokenizer?.padId ?? 0);
  const window = inputs.fixedLength ?? options.window ?? defaultWindow;
  if (options.window !== undefined && options.window !== window) {
    throw usageError(
      `The model takes ${window} tokens at once (${model.inputs.map(formatInput).join(', ')}), not ${options.window}`,
    );
  }
  const stride = options.stride ?? window;
  return {
    kind: 'language',
    noun: `windows of ${window} ${byteLevel ? 'bytes' : 'tokens'} of ${path}`,
    size: null,
    byteLevel,
    maskToken: tokenizer?.maskId ?? null,
    stream: () =>
      windows(readTokens(path, tokenizer, vocabulary), { inputs, window, stride, scored: vocabulary !== null }),
  };
}

/** Length of the last axis of an output [batch, sequence, vocabulary]; null when the outputs are no distribution over tokens. */
function vocabularyOf({ outputs }: ModelInterface): number | null {
  const shapes = outputs.map(({ type }) => type?.shape).filter((shape) => shape?.length === 3);
  const last = shapes[0]?.at(-1);
  return typeof last === 'number' && last >= byteVocabulary ? last : null;
}

/** Fills a queue with the tokens of the text, piece by piece. */
async function* readTokens(
  path: string,
  tokenizer: TextTokenizer | null,
  vocabulary: number | null,
): AsyncGenerator<TokenQueue> {
  const queue = new TokenQueue();
  if (tokenizer === null) {
    for await (const chunk of readChunks(path)) {
      queue.pushBytes(chunk);
      yield queue;
    }
    return;
  }
  for await (const line of readLines(path)) {
    if (line.trim() === '') continue;
    const ids = tokenizer.encodePlain(`${line}\n`);
    const outside = vocabulary === null ? undefined : ids.find((id) => id >= vocabulary);
    if (outside !== undefined) {
      throw usageError(
        `${tokenizer.path} gives token ${outside}, and the model knows ${vocabulary}`,
        'Take the tokenizer that belongs to the model.',
      );
    }
    queue.push(ids, line);
    yield queue;
  }
}

interface WindowOptions {
  readonly inputs: TokenInputs;
  readonly window: number;
  readonly stride: number;
  readonly scored: boolean;
}

async function* windows(queues: AsyncIterable<TokenQueue>, options: WindowOptions): AsyncGenerator<Sample> {
  const { window, stride } = options;
  let queue: TokenQueue | null = null;
  let first = true;
  for await (queue of queues) {
    // One more than the window: the last token predicts its successor.
    while (queue.available > Math.max(window, stride)) {
      yield windowSample(queue, window, first, options);
      queue.drop(stride);
      first = false;
    }
  }
  if (!queue) return;
  // The last whole window has no successor; a text shorter than a window is taken as it is.
  if (queue.available >= window) yield windowSample(queue, window, first, options);
  else if (first && queue.available > 1 && options.inputs.fixedLength === null) {
    yield windowSample(queue, queue.available, first, options);
  }
}

function windowSample(
  queue: TokenQueue,
  length: number,
  first: boolean,
  { inputs, window, stride, scored }: WindowOptions,
): Sample {
  const ids = queue.slice(0, length);
  const feeds = inputs.feeds(ids);
  if (!scored) return example(feeds);
  const next = queue.slice(1, Math.min(length + 1, queue.available));
  // What the window before has scored already is context here.
  const context = first ? 0 : Math.max(0, window - stride);
  const values = Int32Array.from({ length }, (_, i) => (i < context || i >= next.length ? -1 : next[i]));
  const text = [queue.extent(1 + context, 1 + next.length)];
  const targets: Targets = { kind: 'classes', perExample: length, values, text };
  return example(feeds, targets);
}

async function* readChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 16 })) yield chunk as Uint8Array;
  } catch (cause) {
    throw ioError('read', path, cause);
  }
}

async function* readLines(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  const clean = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);
  for await (const chunk of readChunks(path)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.map(clean);
  }
  rest += decoder.decode();
  if (rest !== '') yield clean(rest);
}
