// Selectors say which nodes a pass works on: `name`, `glob*`, `re:regular expression`, `op:MatMul`, `op:com.microsoft::Attention`.
import { usageError } from '../errors.js';
import type { Node } from '../ir/index.js';

export type Selector = (node: Node) => boolean;

/** Throws USAGE on a damaged regular expression or an empty selector. */
export function parseSelector(text: string): Selector {
  if (text === '') throw usageError('A selector is empty', 'Give a node name, a glob, re:… or op:….');
  if (text.startsWith('op:')) {
    const type = text.slice(3);
    return (node) => node.qualifiedType === type || (node.domain === '' && node.opType === type);
  }
  const pattern = text.startsWith('re:') ? parseExpression(text.slice(3)) : globExpression(text);
  return (node) => namesOf(node).some((name) => pattern.test(name));
}

/** A node answers to its own name and to the names of its outputs: many exporters leave nodes unnamed. */
function namesOf(node: Node): string[] {
  const names = node.outputs.flatMap((output) => (output ? [output.name] : []));
  return node.name === '' ? names : [node.name, ...names];
}

function parseExpression(source: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch (cause) {
    throw usageError(`re:${source} is no regular expression`, cause instanceof Error ? cause.message : undefined);
  }
}

/** `*` stands for anything, `?` for one character. */
function globExpression(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'su');
}

/** include (empty: everything) minus exclude. */
export class Selection {
  private readonly include: readonly { text: string; matches: Selector }[];
  private readonly exclude: readonly { text: string; matches: Selector }[];

  constructor(include: readonly string[], exclude: readonly string[]) {
    const parse = (text: string) => ({ text, matches: parseSelector(text) });
    this.include = include.map(parse);
    this.exclude = exclude.map(parse);
  }

  includes(node: Node): boolean {
    return this.include.length === 0 || this.include.some(({ matches }) => matches(node));
  }

  excludes(node: Node): boolean {
    return this.exclude.some(({ matches }) => matches(node));
  }

  /** Throws USAGE when a selector matches no node at all: a misspelt name must not pass silently. */
  check(nodes: Iterable<Node>): void {
    const unmatched = new Set([...this.include, ...this.exclude]);
    for (const node of nodes) for (const selector of unmatched) if (selector.matches(node)) unmatched.delete(selector);
    for (const { text } of unmatched) {
      throw usageError(
        `The selector ${text} matches no node`,
        'dsopt inspect lists the names; globs and re:… are possible.',
      );
    }
  }
}
