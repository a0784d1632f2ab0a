// What a message holds beside the fields the IR models: kept as it came and merged back when the message is written.
import type { Opaque } from '../ir/index.js';
import { type MessageName, type MessageType, messageType, unknownFields } from './message-type.js';
import { externalLocation, type TensorProto } from './messages.js';
import { decodeTensor, type PayloadLocations } from './tensor-decoding.js';
import { weightCarryingParts } from './weight-carriers.js';

type Rest = Record<string, unknown> & { [unknownFields]?: unknown };

/** The fields of `message` that are not among `modelled`, unknown ones included; null when there are none. */
export function opaqueParts(
  name: MessageName,
  message: object,
  modelled: ReadonlySet<string>,
  locations: PayloadLocations,
): Opaque | null {
  const fields = message as Rest;
  let rest: Rest | null = null;
  for (const key in fields) {
    if (modelled.has(key)) continue;
    rest ??= {};
    rest[key] = fields[key];
  }
  const unknown = fields[unknownFields];
  if (unknown) {
    rest ??= {};
    rest[unknownFields] = unknown;
  }
  if (!rest) return null;
  attachPayloads(messageType(name), rest, locations);
  return { message: rest };
}

/** `fields` together with what `opaqueParts` kept. */
export function withOpaqueParts<Message extends object>(opaque: Opaque | null | undefined, fields: Message): Message {
  return opaque ? { ...opaque.message, ...fields } : fields;
}

/** Gives every tensor in an opaque message (sparse tensors, training info) its payload, wherever the file keeps it. */
function attachPayloads(type: MessageType, message: object, locations: PayloadLocations): void {
  if (type.name === 'TensorProto') {
    const tensor = message as TensorProto;
    if (tensor.data_location !== externalLocation) return;
    tensor.payload = decodeTensor(tensor, locations);
    delete tensor.data_location;
    delete tensor.external_data;
    return;
  }
  for (const { field, part } of weightCarryingParts(type, message)) attachPayloads(field.type, part, locations);
}
