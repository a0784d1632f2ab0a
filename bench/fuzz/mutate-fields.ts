// Damaged copies of models whose encoding stays whole: fields removed, doubled, moved, taken from elsewhere, with other numbers and
// other names.
import type { Random } from '../../src/numeric/index.js';
import { encodeFields, encodeVarint, type FieldNode, fieldLists, parseModelFields } from './field-tree.js';
import type { Mutant } from './mutant.js';

/** A damaged copy of `bytes`, which must be a message; `donor` gives fields. */
export function mutateFields(bytes: Uint8Array, random: Random, donor: Uint8Array): Mutant {
  const root = parseModelFields(bytes);
  const donors = [...fieldLists(parseModelFields(donor))].flat();
  let edits = 0;
  for (let count = random.int(2) ? 1 : 1 + random.int(6); count > 0; count--) {
    const lists = [...fieldLists(root)].filter(({ length }) => length > 0);
    if (lists.length === 0) break;
    const list = lists[random.int(lists.length)];
    edits += mutateOne(list, random.int(list.length), { random, donors, all: lists.flat() });
  }
  return { bytes: Uint8Array.from(encodeFields(root)), edits };
}

interface Sources {
  readonly random: Random;
  readonly donors: readonly FieldNode[];
  /** All fields of the model itself. */
  readonly all: readonly FieldNode[];
}

/** Damages one field, or where it stands, and gives the number of bytes that are different for it. */
function mutateOne(list: FieldNode[], index: number, sources: Sources): number {
  const { random, donors, all } = sources;
  const node = list[index];
  switch (random.int(8)) {
    case 0:
      list.splice(index, 1);
      return sizeOf(node);
    case 1:
      list.splice(random.int(list.length + 1), 0, structuredCopy(node));
      return sizeOf(node);
    case 2: {
      const other = random.int(list.length);
      [list[index], list[other]] = [list[other], list[index]];
      return sizeOf(node);
    }
    case 3:
    case 4: {
      // Another field of its kind, from here or elsewhere, in its place.
      const pool = (random.int(2) ? donors : all).filter((candidate) => candidate.field === node.field);
      if (pool.length === 0) return 0;
      list[index] = structuredCopy(pool[random.int(pool.length)]);
      return sizeOf(list[index]);
    }
    default:
      return node.children ? 0 : changeContent(node, sources);
  }
}

function changeContent(node: FieldNode, { random, all }: Sources): number {
  const { field, bytes } = node;
  if (node.tag % 8 === 0) node.bytes = numbers[random.int(numbers.length)];
  else if (field?.kind === 'string' || field?.name === 's') {
    const names = all.filter((other) => other.field?.kind === 'string');
    node.bytes = random.int(4) ? names[random.int(names.length)].bytes : oddNames[random.int(oddNames.length)];
  } else if (bytes.length > 0) {
    const changed = bytes.slice();
    changed[random.int(changed.length)] ^= 1 << random.int(8);
    node.bytes = random.int(3) ? changed : bytes.subarray(0, random.int(bytes.length));
    return 1;
  }
  return Math.max(bytes.length, node.bytes.length);
}

/** Element types, ranks, lengths and versions at their edges; the last two are -1 and the least 64-bit integer. */
const numbers: readonly Uint8Array[] = [
  ...[0, 1, 2, 3, 7, 8, 16, 22, 27, 127, 128, 1000, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53].map(encodeVarint),
  Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 255, 1),
  Uint8Array.of(128, 128, 128, 128, 128, 128, 128, 128, 128, 1),
];

const oddNames: readonly Uint8Array[] = ['', ' ', '__proto__', 'constructor', '../x', 'a\nb', '\ud83d\ude00', '\0'].map(
  (name) => Uint8Array.from(Buffer.from(name)),
);

function structuredCopy(node: FieldNode): FieldNode {
  return { ...node, children: node.children?.map(structuredCopy) ?? null };
}

function sizeOf({ children, bytes }: FieldNode): number {
  return children ? Math.max(1, encodeFields(children).length) : Math.max(1, bytes.length);
}
