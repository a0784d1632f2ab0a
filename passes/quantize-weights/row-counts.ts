// How much each row of the inputs of a product counts: the Fisher information of what the product makes of it, instead of 1. Both the moments that weights are rounded by and the
// rows that the algorithm is chosen by are scaled by its square root, so that every algorithm minimizes errors of outputs as the loss sees them.
import { DsoptError } from '../../src/errors.js';
import type { Model } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import { rowInformation } from '../../src/training/index.js';
import type { Calibratable } from './calibrated.js';

/** By group, for each sample the square roots of what its rows count, 1 on average of their squares. */
export type RowCounts = ReadonlyMap<readonly Calibratable[], readonly Float32Array[]>;

/** What rows count that the loss does not depend on, as a share of the mean: it was seen on few samples. */
const least = 0.1;

/** null where the model has no gradients, which is warned of. Convolutions, whose rows are patches, are left out. */
export async function countRows(
  groups: readonly (readonly Calibratable[])[],
  model: Model,
  { engine, workers, samples, signal, record }: PassContext,
): Promise<RowCounts | null> {
  if (!samples) return null;
  const matrices = groups.filter(([{ operator }]) => operator.kind === 'matrix');
  const outputs = matrices.flatMap((group) => group.map(({ operator }) => operator.output.name));
  let information: ReadonlyMap<string, readonly Float32Array[]>;
  try {
    information = await rowInformation(model, outputs, samples, { engine, threads: workers.jobs, signal });
  } catch (cause) {
    if (!(cause instanceof DsoptError) || cause.code !== 'MODEL_UNSUPPORTED') throw cause;
    record.warn(`All rows count alike: ${cause.message}`);
    return null;
  }
  return new Map(
    matrices.flatMap((group) => {
      const found = group.flatMap(({ operator }) => {
        const rows = information.get(operator.output.name);
        return rows ? [rows] : [];
      });
      return found.length > 0 ? [[group, rootsOf(found)] as const] : [];
    }),
  );
}

/** @param products by product, the information of each sample's rows. */
function rootsOf(products: readonly (readonly Float32Array[])[]): Float32Array[] {
  const means = products.map((samples) => {
    const count = samples.reduce((sum, rows) => sum + rows.length, 0);
    return samples.reduce((sum, rows) => sum + rows.reduce((a, b) => a + b, 0), 0) / count;
  });
  return products[0].map((rows, sample) =>
    rows.map((_, row) => {
      const shares = products.map((samples, i) => (means[i] > 0 ? samples[sample][row] / means[i] : 1));
      return Math.sqrt(least + (1 - least) * (shares.reduce((a, b) => a + b, 0) / products.length));
    }),
  );
}

/** Rows [n, K] times what each counts. */
export function scaleRows(rows: Float32Array, roots: Float32Array | undefined): Float32Array {
  if (!roots || rows.length % roots.length !== 0) return rows;
  const k = rows.length / roots.length;
  return rows.map((value, i) => value * roots[Math.floor(i / k)]);
}
