// Protobuf bytes by hand, for messages no encoder would write.

export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Uint8Array.from([...bytes, rest]);
}

/** A field: text and `delimited` bytes with their length, other bytes as the varint they are. */
export function field(number: number, value: string | Uint8Array, form: 'varint' | 'delimited' = 'varint'): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  const delimited = typeof value === 'string' || form === 'delimited';
  return delimited ? join(varint(number * 8 + 2), varint(bytes.length), bytes) : join(varint(number * 8), bytes);
}

/** A nested message. */
export function nested(number: number, ...fields: Uint8Array[]): Uint8Array {
  return field(number, join(...fields), 'delimited');
}

export function join(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
