// Which messages can hold tensors, and through which of their fields.
import { type Field, type MessageType, messageType } from './message-type.js';

/** A field that leads to tensors. */
export interface CarrierField extends Field {
  readonly type: MessageType;
}

/** For each message type that can hold tensors: its fields that lead to them. */
export const weightCarriers: ReadonlyMap<MessageType, readonly CarrierField[]> = (() => {
  const all = new Map<MessageType, CarrierField[]>();
  const visit = (type: MessageType): boolean => {
    if (type.name === 'TensorProto' || all.has(type)) return true;
    const fields: CarrierField[] = [];
    all.set(type, fields);
    for (const field of type.fields) if (field.type && visit(field.type)) fields.push(field as CarrierField);
    if (fields.length === 0) all.delete(type);
    return fields.length > 0;
  };
  visit(messageType('ModelProto'));
  return all;
})();

/** A message that can hold tensors, within another one. */
export interface WeightCarryingPart {
  readonly field: CarrierField;
  readonly part: object;
}

/** The messages in the fields of `message` that can hold tensors. */
export function weightCarryingParts(type: MessageType, message: object): WeightCarryingPart[] {
  const parts: WeightCarryingPart[] = [];
  for (const field of weightCarriers.get(type) ?? []) {
    const value = (message as Record<string, unknown>)[field.name];
    if (value == null) continue;
    if (!field.repeated) parts.push({ field, part: value });
    else for (const part of value as object[]) parts.push({ field, part });
  }
  return parts;
}
