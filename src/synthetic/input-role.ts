// What an input is for, as its name and type tell: exporters agree on a few words. A role decides how its values are made up.
import type { TensorType } from '../ir/index.js';

export type InputRole =
  | 'mask'
  | 'segments'
  | 'positions'
  | 'length'
  | 'sampleRate'
  | 'cacheSwitch'
  | 'image'
  | 'audio'
  | 'state'
  | 'plain';

const integer = /^u?int(?:8|16|32|64)$/;
const names: readonly (readonly [InputRole, RegExp])[] = [
  ['cacheSwitch', /^use_cache/],
  ['mask', /mask|padding/],
  ['segments', /token_type|segment/],
  ['positions', /position/],
  ['sampleRate', /^sr$|sampl(?:e|ing)_?rate/],
  ['length', /(?:^|_)(?:len|lens|length|lengths|seqlens?)(?:_k)?$/],
  ['state', /past|cache|state|hidden|(?:^|_)[hc](?:n|0|t)?(?:_in)?$/],
  ['audio', /audio|wav|speech|pcm|sound|signal/],
  ['image', /image|img|pixel|photo|picture/],
];

/** Masks are of any type; positions, lengths and rates are integers; states, images and sound are not. */
export function roleOf(name: string, { dataType, shape }: TensorType): InputRole {
  const lower = name.toLowerCase();
  const isInteger = integer.test(dataType);
  const role = names.find(([, pattern]) => pattern.test(lower))?.[0] ?? 'plain';
  if (role === 'cacheSwitch') return dataType === 'bool' ? role : 'plain';
  if (role === 'mask') return shape?.length === 4 && !isInteger && dataType !== 'bool' ? 'image' : role;
  if (isInteger && ['segments', 'positions', 'length', 'sampleRate'].includes(role)) return role;
  if (dataType === 'uint8' && looksLikeImage(shape)) return 'image';
  if (isInteger || dataType === 'bool' || dataType === 'string') return 'plain';
  if (role === 'state') return role;
  if (looksLikeImage(shape)) return 'image';
  return role === 'audio' && (shape?.length ?? 0) <= 3 ? 'audio' : 'plain';
}

/** Rank 4 with 1, 3 or 4 channels, first or last. */
export function looksLikeImage(shape: TensorType['shape']): boolean {
  if (shape?.length !== 4) return false;
  return isChannels(shape[1]) || isChannels(shape[3]);
}

export function isChannels(dim: unknown): boolean {
  return dim === 1 || dim === 3 || dim === 4;
}
