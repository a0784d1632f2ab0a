// What a message holds beside the fields the IR models: kept as it came and merged back when the message is written.
import type protobuf from 'protobufjs';
import type { Opaque } from '../ir/index.js';
import { externalLocation, messageType, type TensorProto, weightCarryingParts } from './schema.js';
import { decodeTensor, type PayloadLocations } from './tensor-decoding.js';

/** The fields of `message` that are not among `modelled`, unknown ones included; null when there are none. */
export function opaqueParts(
  typeName: string,
  message: object,
  modelled: ReadonlySet<string>,
  locations: PayloadLocations,
): Opaque | null {
  const rest: Record<string, unknown> = {};
  let found = false;
  for (const [key, value] of Object.entries(message)) {
    if (modelled.has(key) || (Array.isArray(value) && value.length === 0)) continue;
    rest[key] = value;
    found = true;
  }
  const unknown = unknownFields(message);
  if (unknown) {
    setUnknownFields(rest, unknown);
    found = true;
  }
  if (!found) return null;
  attachPayloads(messageType(typeName), rest, locations);
  return { message: rest };
}

/** `fields` together with what `opaqueParts` kept. */
export function withOpaqueParts<Message extends object>(opaque: Opaque | null | undefined, fields: Message): Message {
  if (!opaque) return fields;
  const merged = { ...opaque.message, ...fields };
  const unknown = unknownFields(opaque.message);
  if (unknown) setUnknownFields(merged, unknown);
  return merged;
}

function unknownFields(message: object): Uint8Array[] | null {
  return (message as { $unknowns?: Uint8Array[] }).$unknowns ?? null;
}

function setUnknownFields(message: object, unknown: Uint8Array[]): void {
  Object.defineProperty(message, '$unknowns', { value: unknown, enumerable: false });
}

/** Gives every tensor in an opaque message (sparse tensors, training info) its payload, wherever the file keeps it. */
function attachPayloads(type: protobuf.Type, message: object, locations: PayloadLocations): void {
  if (type.name === 'TensorProto') {
    const tensor = message as TensorProto;
    if (tensor.data_location !== externalLocation) return;
    tensor.payload = decodeTensor(tensor, locations);
    delete tensor.data_location;
    delete tensor.external_data;
    return;
  }
  for (const { type: nested, part } of weightCarryingParts(type, message)) attachPayloads(nested, part, locations);
}
