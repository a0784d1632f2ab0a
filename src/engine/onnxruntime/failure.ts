// What onnxruntime says when it refuses a model, cut down to what a reader can use: no source lines, no repeated prefixes.
import { type DsoptError, unsupportedModel } from '../../errors.js';

const noise: readonly RegExp[] = [
  /\[ONNXRuntimeError\] : \d+ : \w+ : /g,
  /^Load model from .*? failed:\s*/s,
  /^Exception during initialization:\s*/,
  /^Exception caught:\s*/,
  /^Non-zero status code returned while running /,
  /Encountered following errors:.*$/s,
  /ONNX Runtime only \*guarantees\* support.*?opset versions\.\s*/s,
  /The operator schemas and or other functionality may change.*?(?=Current official support|$)/s,
];

const longest = 320;

/** The useful part of onnxruntime's message, on one line. */
export function failureReason(cause: unknown): string {
  let text = cause instanceof Error ? cause.message : String(cause);
  for (const pattern of noise) text = text.replace(pattern, '');
  text = withoutSourceLines(text).replace(/\s+/g, ' ').trim();
  return text.length > longest ? `${text.slice(0, longest).trimEnd()}…` : text;
}

/** Drops `path/file.cc:123 type namespace::function(parameters)`, which C++ puts in front of what it has to say. */
function withoutSourceLines(text: string): string {
  const place = /(?:[\w./+-]*\/)?[\w+-]+\.(?:cc|cpp|cu|h|hpp):\d+\s/.exec(text);
  if (!place) return text;
  const rest = text.slice(place.index + place[0].length);
  return text.slice(0, place.index) + withoutSourceLines(rest.slice(signatureLength(rest)));
}

/** Length of the C++ signature at the start of `text`, or of the bare function name; 0 when there is none. */
function signatureLength(text: string): number {
  const name = /^[^()\n]*::~?[\w]+(?=\()/.exec(text);
  if (!name) return /^[A-Z]\w+\s/.exec(text)?.[0].length ?? 0;
  let depth = 0;
  for (let index = name[0].length; index < text.length; index++) {
    if (text[index] === '(') depth++;
    else if (text[index] === ')') depth--;
    // A qualifier or the rest of a lambda's name may follow the last parenthesis.
    if (depth === 0)
      return (
        index +
        1 +
        (/^(?:::<lambda\([^)]*\)>| const| \[with [^\]]*\])*\s*/.exec(text.slice(index + 1))?.[0].length ?? 0)
      );
  }
  return 0;
}

/** `action` is what onnxruntime could not do: 'load', 'run'. */
export function engineFailure(action: string, name: string, cause: unknown): DsoptError {
  return unsupportedModel(`onnxruntime cannot ${action} ${name}: ${failureReason(cause)}`, undefined, cause);
}
