// Tokenizers in the format of Hugging Face (tokenizer.json), with what @huggingface/tokenizers leaves to its caller: truncation
// before special tokens are added, as the tokenizers library does it.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { DsoptError, ioError, usageError } from '../../errors.js';
import type { ModelInterface } from '../dataset.js';

export interface Encoding {
  readonly ids: readonly number[];
  /** 0 for the first text, 1 for the second. */
  readonly typeIds: readonly number[];
}

export interface TextTokenizer {
  readonly path: string;
  /** What tokenizer.json or tokenizer_config.json say; null when they do not. */
  readonly maxLength: number | null;
  readonly padId: number;
  /** What stands for a word that is hidden; null where the tokenizer has none. */
  readonly maskId: number | null;
  /** `maxLength`: most tokens, special ones included; null for no limit. */
  encode(text: string, pair: string | null, maxLength: number | null): Encoding;
  /** Tokens of a text without special ones. */
  encodePlain(text: string): readonly number[];
}

/** `named`, or the tokenizer.json beside the model; null where there is none. */
export function findTokenizer(named: string | undefined, model: ModelInterface): string | null {
  if (named !== undefined) return named;
  const beside = model.folder === null ? null : join(model.folder, 'tokenizer.json');
  return beside !== null && existsSync(beside) ? beside : null;
}

interface TokenizerJson {
  readonly truncation?: { readonly max_length?: number } | null;
  readonly padding?: { readonly pad_id?: number } | null;
}

type NamedToken = string | { readonly content: string } | null;

interface TokenizerConfig {
  readonly model_max_length?: number;
  readonly pad_token?: NamedToken;
  readonly mask_token?: NamedToken;
}

export async function openTokenizer(path: string): Promise<TextTokenizer> {
  const description = readJson(path) as TokenizerJson;
  const configPath = join(dirname(path), 'tokenizer_config.json');
  const config = (existsSync(configPath) ? readJson(configPath) : {}) as TokenizerConfig;
  const { Tokenizer } = await import('@huggingface/tokenizers');
  let tokenizer: HuggingFaceTokenizer;
  try {
    tokenizer = new Tokenizer(description, config);
  } catch (cause) {
    throw new DsoptError('USAGE', `${path} is no tokenizer: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
  }
  const longest = description.truncation?.max_length ?? config.model_max_length;
  const toIds = idsOf(tokenizer);
  return {
    path,
    // Models without a limit are given as 1e30.
    maxLength: longest !== undefined && longest < 1e6 ? longest : null,
    padId: description.padding?.pad_id ?? findToken(tokenizer, config.pad_token, ['[PAD]', '<pad>']) ?? 0,
    maskId: findToken(tokenizer, config.mask_token, ['[MASK]', '<mask>']),
    encode: (text, pair, maxLength) => encode(tokenizer, toIds, { text, pair, maxLength }),
    encodePlain: (text) => tokenizer.encode(text, { add_special_tokens: false }).ids,
  };
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw ioError('read', path, cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw usageError(`${path} is not JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
}

/** The token that the configuration names, or one of the usual names. */
function findToken(
  tokenizer: HuggingFaceTokenizer,
  named: NamedToken | undefined,
  usual: readonly string[],
): number | null {
  for (const name of [typeof named === 'object' ? named?.content : named, ...usual]) {
    const id = name ? tokenizer.token_to_id(name) : undefined;
    if (id !== undefined) return id;
  }
  return null;
}

function idsOf(tokenizer: HuggingFaceTokenizer): (tokens: readonly string[]) => number[] {
  const unknown = tokenizer.model?.unk_token_id ?? 0;
  return (tokens) => tokens.map((token) => tokenizer.token_to_id(token) ?? unknown);
}

function encode(
  tokenizer: HuggingFaceTokenizer,
  toIds: (tokens: readonly string[]) => number[],
  { text, pair, maxLength }: { text: string; pair: string | null; maxLength: number | null },
): Encoding {
  let first = tokenizer.tokenize(text, { add_special_tokens: false });
  let second = pair === null ? null : tokenizer.tokenize(pair, { add_special_tokens: false });
  if (maxLength !== null) {
    const added = process(tokenizer, [], second && []).tokens.length;
    const [keepFirst, keepSecond] = longestFirst(first.length, second?.length ?? null, Math.max(0, maxLength - added));
    first = first.slice(0, keepFirst);
    second = second?.slice(0, keepSecond) ?? null;
  }
  const { tokens, typeIds } = process(tokenizer, first, second);
  return { ids: toIds(tokens), typeIds };
}

/** Adds special tokens. Post-processors that only change offsets leave the second text beside the first. */
function process(tokenizer: HuggingFaceTokenizer, first: string[], second: string[] | null) {
  const processed = tokenizer.post_processor?.(first, second, true) ?? {
    tokens: first,
    tokens_pair: second ?? undefined,
  };
  const beside = processed.tokens_pair ?? [];
  const tokens = [...processed.tokens, ...beside];
  const typeIds = [...(processed.token_type_ids ?? processed.tokens.map(() => 0)), ...beside.map(() => 1)];
  return { tokens, typeIds };
}

/** How much of each text stays: the longer one loses tokens first (`TruncationStrategy::LongestFirst` of tokenizers). */
function longestFirst(first: number, second: number | null, most: number): readonly [number, number] {
  if (second === null) return [Math.min(first, most), 0];
  if (first + second <= most) return [first, second];
  const shorter = Math.min(first, second);
  // Of two that are both too long, the longer one gets the odd token.
  const small = Math.min(shorter, Math.floor(most / 2));
  return first <= second ? [small, most - small] : [most - small, small];
}
