// The tokens that a tokenizer.json (of Hugging Face's tokenizers library) gives a meaning of their own.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ioError, usageError } from '../../src/errors.js';

const tokenizerSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: z.int().min(0) })).default([]),
  padding: z.looseObject({ pad_id: z.int().min(0).optional() }).nullish(),
  model: z
    .looseObject({
      unk_token: z.string().nullish(),
      unk_id: z.int().min(0).nullish(),
      vocab: z.union([z.record(z.string(), z.int()), z.array(z.unknown())]).optional(),
    })
    .optional(),
});

/** Ids of added tokens, of the unknown word and of padding. Throws USAGE for what is no tokenizer. */
export function specialTokens(path: string): Set<number> {
  const { added_tokens: added, padding, model } = parse(path);
  const ids = new Set(added.map(({ id }) => id));
  if (padding?.pad_id !== undefined) ids.add(padding.pad_id);
  if (model?.unk_id != null) ids.add(model.unk_id);
  const { vocab, unk_token: unknown } = model ?? {};
  if (unknown && vocab && !Array.isArray(vocab) && Object.hasOwn(vocab, unknown)) ids.add(vocab[unknown]);
  return ids;
}

function parse(path: string): z.output<typeof tokenizerSchema> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw ioError('read', path, cause);
  }
  try {
    return tokenizerSchema.parse(JSON.parse(text));
  } catch {
    throw usageError(`${path} is no tokenizer.json`, 'Give the file that tokenizers of Hugging Face are saved as.');
  }
}
