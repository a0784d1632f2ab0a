// Reads ONNX's text syntax token by token: punctuation, identifiers, quoted strings, numbers; `#` starts a comment.
import { invalidModel } from '../../errors.js';

export interface NumberLiteral {
  readonly text: string;
  readonly isInteger: boolean;
}

export class TextReader {
  private readonly text: string;
  private position = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The next character that is neither blank nor comment, '' at the end. */
  peek(): string {
    for (;;) {
      while (this.position < this.text.length && ' \t\n\v\f\r'.includes(this.text[this.position])) this.position++;
      if (this.text[this.position] !== '#') return this.text[this.position] ?? '';
      while (this.position < this.text.length && this.text[this.position] !== '\n') this.position++;
    }
  }

  /** Takes `token` if it comes next. */
  matches(token: string): boolean {
    this.peek();
    if (!this.text.startsWith(token, this.position)) return false;
    this.position += token.length;
    return true;
  }

  expect(token: string): void {
    if (!this.matches(token)) throw this.failure(`${token} is expected`);
  }

  /** Calls `item` for each item of a list that `close` ends; separated by commas. */
  list(close: string, item: () => void): void {
    if (this.matches(close)) return;
    do item();
    while (this.matches(','));
    this.expect(close);
  }

  /** The identifier that comes next, without taking it; '' if there is none. */
  peekIdentifier(): string {
    this.peek();
    const pattern = /[A-Za-z_][A-Za-z0-9_]*/y;
    pattern.lastIndex = this.position;
    return pattern.exec(this.text)?.[0] ?? '';
  }

  /** An identifier, or '' when something else comes next. */
  optionalIdentifier(): string {
    const identifier = this.peekIdentifier();
    this.position += identifier.length;
    return identifier;
  }

  identifier(): string {
    const identifier = this.optionalIdentifier();
    if (identifier === '') throw this.failure('a name is expected');
    return identifier;
  }

  /** A name: an identifier, or anything in quotes. */
  name(): string {
    return this.peek() === '"' ? this.string() : this.identifier();
  }

  string(): string {
    this.expect('"');
    let result = '';
    for (; this.position < this.text.length; this.position++) {
      const character = this.text[this.position];
      if (character === '"') {
        this.position++;
        return result;
      }
      if (character === '\\') this.position++;
      result += this.text[this.position] ?? '';
    }
    throw this.failure('a string is not closed');
  }

  number(): NumberLiteral {
    this.peek();
    const pattern = /-?(?:\d+(\.\d*)?([eE][+-]?\d+)?|(inf|infinity|nan)(?![A-Za-z0-9]))/iy;
    pattern.lastIndex = this.position;
    const match = pattern.exec(this.text);
    if (!match) throw this.failure('a number is expected');
    const [text, fraction, exponent, special] = match;
    this.position += text.length;
    return { text, isInteger: fraction === undefined && exponent === undefined && special === undefined };
  }

  integer(): bigint {
    const { text, isInteger } = this.number();
    if (!isInteger) throw this.failure('an integer is expected');
    return BigInt(text);
  }

  /** An error that says where the reader is. */
  failure(message: string): Error {
    const lines = this.text.slice(0, this.position).split('\n');
    const place = `line ${lines.length}, column ${lines[lines.length - 1].length + 1}`;
    const found = this.text.slice(this.position, this.position + 20).split('\n')[0];
    return invalidModel(`Model text, ${place}: ${message}${found && `, found ${JSON.stringify(found)}`}`, {
      hint: 'The syntax is that of onnx.parser: https://onnx.ai/onnx/repo-docs/Syntax.html',
    });
  }
}

/** The value of a number literal as float64. */
export function floatOf({ text }: NumberLiteral): number {
  const lower = text.toLowerCase();
  if (lower.endsWith('nan')) return Number.NaN;
  if (lower.includes('inf')) return lower.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(text);
}
