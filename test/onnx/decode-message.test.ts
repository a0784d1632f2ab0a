import { expect, test } from 'vitest';
import { decodeMessage } from '../../src/onnx/decode-message.js';
import { encodeMessage } from '../../src/onnx/encode-message.js';
import { messageType } from '../../src/onnx/message-type.js';
import { field, join, varint } from './wire-bytes.js';

const node = messageType('NodeProto');
const attribute = messageType('AttributeProto');

test('numbers are read packed and one by one, in one list', () => {
  const bytes = join(field(8, varint(1)), field(8, join(varint(2), varint(3)), 'delimited'), field(8, varint(4)));
  expect(decodeMessage(attribute, bytes)).toEqual({ ints: [1, 2, 3, 4] });
});

test('of a field that comes twice the last counts; messages that come twice are merged', () => {
  const tensor = (...parts: Uint8Array[]): Uint8Array => field(5, join(...parts), 'delimited');
  const bytes = join(
    field(3, varint(1)),
    field(3, varint(2)),
    tensor(field(2, varint(7))),
    tensor(field(1, varint(5))),
  );
  expect(decodeMessage(attribute, bytes)).toEqual({ i: 2, t: { data_type: 7, dims: [5] } });
});

test('a known field in another form is kept as unknown', () => {
  const odd = field(4, varint(3));
  const message = decodeMessage(node, join(odd, field(3, 'name')));
  expect(Object.keys(message)).toEqual(['name']);
  expect(encodeMessage(node, message)).toEqual(Buffer.from(join(field(3, 'name'), odd)));
});

test('64-bit integers are exact', () => {
  const minusOne = Uint8Array.from([...Array(9).fill(0xff), 1]);
  const least = Uint8Array.from([...Array(9).fill(0x80), 1]);
  const most = Uint8Array.from([...Array(8).fill(0xff), 0x7f]);
  const bytes = field(8, join(minusOne, least, most, varint(2 ** 53 - 1)), 'delimited');
  const expected = { ints: [-1, -(2n ** 63n), 2n ** 63n - 1n, 2 ** 53 - 1] };
  const decoded = decodeMessage(attribute, bytes);
  expect(decoded).toEqual(expected);
  expect(decodeMessage(attribute, encodeMessage(attribute, decoded))).toEqual(expected);
});

test.each([
  ['a field longer than its message', join(Uint8Array.of((3 << 3) | 2), varint(200), Buffer.from('short'))],
  ['a number that is cut off', Uint8Array.of(3 << 3, 0xff, 0xff)],
  ['a number without end', Uint8Array.of(3 << 3, ...Array(11).fill(0xff))],
  ['field number 0', Uint8Array.of(0, 1)],
  ['an end of a group without its start', Uint8Array.of((3 << 3) | 4)],
  ['a nested message that ends behind its parent', field(5, join(Uint8Array.of((8 << 3) | 2), varint(9)), 'delimited')],
  ['packed numbers cut within one', field(8, Uint8Array.of(1, 0x80), 'delimited')],
])('%s is invalid', (_, bytes) => {
  expect(() => decodeMessage(attribute, bytes)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
});

test('a name that is not UTF-8 is refused, since it could not be written back', () => {
  const bytes = field(3, Uint8Array.of(0x61, 0xff), 'delimited');
  expect(() => decodeMessage(node, bytes)).toThrow(expect.objectContaining({ code: 'MODEL_UNSUPPORTED' }));
});

test('the replacement character itself is a name like others', () => {
  expect(decodeMessage(node, field(3, 'a\ufffd'))).toEqual({ name: 'a\ufffd' });
});

test('documentation that is not UTF-8 is kept', () => {
  const bytes = field(6, Uint8Array.of(0xb0, 0xa1), 'delimited');
  expect(encodeMessage(node, decodeMessage(node, bytes))).toEqual(Buffer.from(bytes));
});
