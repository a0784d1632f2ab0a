// The table that decoding and encoding walk is onnx.proto, as protobufjs parses it.
// After a change of onnx.proto: npx vitest run test/onnx/schema-table.test.ts -u
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';

const proto = readFileSync(new URL('../../src/onnx/onnx.proto', import.meta.url), 'utf8');
const root = protobuf.parse(proto, { keepCase: true }).root;
root.resolveAll();

function* messagesOf(namespace: protobuf.NamespaceBase): IterableIterator<protobuf.Type> {
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Type) yield nested;
    if (nested instanceof protobuf.Namespace) yield* messagesOf(nested);
  }
}

function nameOf(type: protobuf.Type): string {
  return type.fullName.replace(/^\.onnx\./, '');
}

function describeField(field: protobuf.Field): string {
  const resolved = field.resolvedType;
  const type = resolved instanceof protobuf.Type ? nameOf(resolved) : resolved ? 'int32' : field.type;
  const oneof = field.partOf ? ` in ${field.partOf.name}` : '';
  return `${type}${field.repeated ? (field.packed ? '+' : '*') : ''} ${field.name}${oneof}`;
}

test('the schema table is generated from onnx.proto', async () => {
  const messages = [...messagesOf(root.lookup('onnx') as protobuf.Namespace)].map((type) => {
    const fields = [...type.fieldsArray]
      .sort((a, b) => a.id - b.id)
      .map((field) => `    ${field.id}: '${describeField(field)}',\n`);
    const name = nameOf(type);
    return `  ${name.includes('.') ? `'${name}'` : name}: {\n${fields.join('')}  },\n`;
  });
  const file = `// Generated from onnx.proto by test/onnx/schema-table.test.ts, which also holds the two together; do not edit.
// The fields of every message by number: type and name, * marking repeated and + packed ones, "in" the group of which only
// one is set. Enums are int32.
export const schemaTable = {
${messages.join('')}} as const;
`;
  await expect(file).toMatchFileSnapshot('../../src/onnx/schema-table.ts');
});
