// The second moments of what a linear operator sees: one Gram matrix a group, as GPTQ, whitened SVD and least-squares repair want it.
import type { LinearOperator } from '../analysis/index.js';
import type { MatrixProducts } from '../engine/index.js';
import type { Tensor } from '../tensor/index.js';
import type { Observer } from './observer.js';
import { operatorRows, type RowSampling } from './operator-rows.js';
import { SecondMoments } from './second-moments.js';

/** Observes `operator.input`; call `finish` after the last sample. Only for operators that `hasRows` knows. */
export class GramObserver implements Observer {
  /** By group. */
  readonly moments: readonly SecondMoments[];
  private readonly operator: LinearOperator;
  private readonly sampling: RowSampling | null;

  constructor(operator: LinearOperator, products: MatrixProducts, sampling: RowSampling | null = null) {
    this.operator = operator;
    this.sampling = sampling;
    this.moments = Array.from({ length: operator.groups }, () => new SecondMoments(operator.rowLength, products));
  }

  async observe(tensor: Tensor): Promise<void> {
    for (const { group, rows } of operatorRows(this.operator, tensor, this.sampling))
      await this.moments[group].add(rows);
  }

  async finish(): Promise<void> {
    for (const moments of this.moments) await moments.flush();
  }
}
