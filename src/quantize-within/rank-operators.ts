// What is quantized, in the order of what quantizing it alone does to the outputs, as a run of the pass measures it.
import { selectorOf } from '../explain/index.js';
import type { Attempt } from './attempt.js';
import type { Keeping } from './keeping.js';

export interface RankedOperator {
  /** A selector. */
  readonly name: string;
  readonly isMatrix: boolean;
}

/** The most sensitive first. */
export async function rankOperators(keeping: Keeping, attempt: Attempt): Promise<RankedOperator[]> {
  const { passes } = await attempt({ ...keeping.quick, sensitivity: true }, { purpose: 'ranking' });
  const report = passes.find(({ pass }) => pass === keeping.pass)!;
  const prefix = 'sensitivity ';
  const ranked = Object.entries(report.metrics)
    .filter(([name]) => name.startsWith(prefix))
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => {
      const label = name.slice(prefix.length);
      const what = report.changed.find(({ target }) => target === label)?.what ?? '';
      return { name: selectorOf(label), isMatrix: /^integer (?:MatMul|Gemm)/.test(what) };
    });
  // What the pass behind stores in eight bits costs less, and comes last.
  const behind = keeping.others ? passes.find(({ pass }) => pass === 'quantize-dynamic') : undefined;
  const others = behind?.changed ?? [];
  return [...ranked, ...others.map(({ target }) => ({ name: selectorOf(target), isMatrix: false }))];
}
