// The inputs of models of text, by the names that exporters give them: token ids, mask, segment, position, and empty caches.
import type { Feeds, ValueInfo } from '../../engine/index.js';
import { usageError } from '../../errors.js';
import { MemoryTensor, type Tensor } from '../../tensor/index.js';
import type { ModelInterface } from '../dataset.js';
import { formatInput, integerTensor } from '../fit.js';

type Role = 'ids' | 'mask' | 'types' | 'positions' | 'cache-branch';

const roles: readonly (readonly [RegExp, Role])[] = [
  [/^(decoder_)?(input_?ids|tokens?|token_?ids|ids|input)(:\d+)?$/i, 'ids'],
  [/^(attention_?mask|input_?mask|mask)(:\d+)?$/i, 'mask'],
  [/^(token_?type_?ids|segment_?ids)(:\d+)?$/i, 'types'],
  [/^position_?ids(:\d+)?$/i, 'positions'],
  [/^use_cache_branch$/, 'cache-branch'],
];

export interface TokenInputs {
  /** Length of the sequence axis where it is fixed. */
  readonly fixedLength: number | null;
  readonly hasMask: boolean;
  /** What pads each input of a batch. */
  readonly padding: Readonly<Record<string, number>> | null;
  /** Feeds of one text; `length` pads it. */
  feeds(ids: readonly number[], typeIds?: readonly number[], length?: number): Feeds;
}

/** Throws USAGE when the model has no input for token ids. Inputs it does not know are left to others (states) or to the error. */
export function tokenInputs(model: ModelInterface, padId: number): TokenInputs {
  const known = new Map<Role, ValueInfo>();
  for (const input of model.inputs) {
    const role = roles.find(([pattern]) => pattern.test(input.name))?.[1];
    if (role && !known.has(role)) known.set(role, input);
  }
  const ids = known.get('ids') ?? (model.inputs.length === 1 ? model.inputs[0] : undefined);
  if (!ids?.type || !/^u?int/.test(ids.type.dataType)) {
    throw usageError(
      `The model has no input for token ids: ${model.inputs.map(formatInput).join(', ')}`,
      'Texts feed input_ids, attention_mask, token_type_ids and position_ids; for others yield feeds from a module.',
    );
  }
  known.set('ids', ids);
  const mask = known.get('mask');
  const length = ids.type.shape?.at(-1);
  const padValues: Readonly<Record<Role, number>> = { ids: padId, mask: 0, types: 0, positions: 0, 'cache-branch': 0 };
  return {
    fixedLength: typeof length === 'number' ? length : null,
    hasMask: mask !== undefined,
    padding: mask ? Object.fromEntries([...known].map(([role, { name }]) => [name, padValues[role]])) : null,
    feeds(tokens, typeIds = tokens.map(() => 0), length = tokens.length) {
      const values: Readonly<Record<Exclude<Role, 'cache-branch'>, readonly number[]>> = {
        ids: tokens,
        mask: tokens.map(() => 1),
        types: typeIds,
        positions: tokens.map((_, i) => i),
      };
      const feeds: Record<string, Tensor> = {};
      for (const [role, input] of known) {
        if (role === 'cache-branch') feeds[input.name] = new MemoryTensor('bool', [1], Uint8Array.of(0));
        else feeds[input.name] = rowTensor(input, values[role], length, padValues[role]);
      }
      return feeds;
    },
  };
}

function rowTensor({ type }: ValueInfo, values: readonly number[], length: number, padValue: number): Tensor {
  const dataType = type?.dataType ?? 'int64';
  const row = [...values, ...new Array<number>(length - values.length).fill(padValue)];
  if (dataType === 'float32') return new MemoryTensor(dataType, [1, length], Float32Array.from(row));
  return integerTensor(dataType, [1, length], row);
}
