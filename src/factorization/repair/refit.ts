// Fits operators, in the order in which the model computes them, to what the original computes, on the inputs that the operators before
// them now give. Factors are then made of what was fitted, in the metric of the inputs. In front of a residual Add the target is the sum: T = (y + shortcut) of the original − the shortcut as it is now, so that later blocks undo
// the errors of earlier ones.
import type { LinearOperator } from '../../analysis/index.js';
import {
  operatorRows,
  outputLike,
  Replay,
  residualOf,
  SecondMoments,
  Split,
  targetRows,
} from '../../calibration/index.js';
import type { Feeds } from '../../engine/index.js';
import { cloneWithNodes, type Model, type Node, type Value } from '../../ir/index.js';
import type { Matrix } from '../../numeric/index.js';
import type { PassContext } from '../../pass/index.js';
import type { Tensor } from '../../tensor/index.js';
import type { OperatorShape, WeightGroup } from '../decompositions/problem.js';
import { fitToTargets } from './least-squares.js';

/** An operator to be fitted, as it is now. */
export interface Fit {
  readonly operator: LinearOperator;
  readonly shape: OperatorShape;
  readonly weights: readonly Matrix[];
}

export interface Fitted {
  readonly groups: readonly WeightGroup[];
  /** Means of inputs and targets by group, from which the bias follows; null where there is none to change. */
  readonly means: readonly { readonly input: Float64Array; readonly target: Float64Array }[] | null;
}

const mostPositions = 512;

/** Model and original side by side, from operator to operator. */
export class Refit {
  private readonly context: PassContext;
  private readonly nodeOf: (node: Node) => Node;
  private readonly now: Replay;
  private readonly before: Replay;

  private constructor(context: PassContext, nodeOf: (node: Node) => Node, now: Replay, before: Replay) {
    this.context = context;
    this.nodeOf = nodeOf;
    this.now = now;
    this.before = before;
  }

  /** Keeps a copy of the model as it is: the original that operators are fitted to. */
  static async start(model: Model, samples: AsyncIterable<Feeds>, context: PassContext): Promise<Refit> {
    const { clone: original, copyOf } = cloneWithNodes(model);
    const { engine, workers, signal } = context;
    const options = { engine, threads: workers.jobs, signal, maxMemory: context.maxMemory };
    const now = await Replay.start(model, samples, options);
    return new Refit(context, copyOf, now, await Replay.start(original, samples, options));
  }

  /** Operators of one input, in the order of the model, behind all that were fitted before. */
  async fit(fits: readonly Fit[]): Promise<Fitted[]> {
    const [{ operator }] = fits;
    const plans = fits.map((fit) => planFit(fit, this.nodeOf(fit.operator.node), this.context));
    const here = plans.flatMap(({ residual }) => [operator.input, ...(residual ? [residual.now] : [])]);
    const references = this.before.advance(
      this.nodeOf(operator.node),
      plans.map(({ target }) => target),
    );
    try {
      for await (const current of this.now.advance(operator.node, here)) {
        const { value: reference } = await references.next();
        for (const plan of plans) await plan.add(current, reference);
      }
      // To its end, where it closes what it opened.
      await references.next();
    } finally {
      await references.return(undefined);
    }
    const fitted: Fitted[] = [];
    for (const plan of plans) fitted.push(await plan.finish());
    return fitted;
  }
}

interface FitPlan {
  /** In the original. */
  readonly target: Value;
  readonly residual: { readonly now: Value } | null;
  add(current: ReadonlyMap<Value, Tensor>, reference: ReadonlyMap<Value, Tensor>): Promise<void>;
  finish(): Promise<Fitted>;
}

function planFit(fit: Fit, originalNode: Node, context: PassContext): FitPlan {
  const { operator, shape } = fit;
  const ownOutput = outputLike(operator, originalNode);
  const residual = residualOf(operator.output, ownOutput);
  const target = residual?.sum ?? ownOutput;
  const channels = shape.outputChannels / shape.groups;
  const moments = (): SecondMoments[] =>
    Array.from({ length: shape.groups }, () => new SecondMoments(operator.rowLength, context.products, channels));
  const split = new Split(moments);
  const { fitted, heldOut } = split;
  // The same positions for inputs and targets of a sample; a new draw for each sample.
  const random = context.random().fork(operator.output.name);
  return {
    target,
    residual,
    async add(current, reference) {
      const sum = reference.get(target)!;
      const shortcut = residual ? current.get(residual.now)! : null;
      const targets = Float32Array.from(sum.readFloat32());
      if (shortcut) {
        const values = shortcut.readFloat32();
        if (values.length === targets.length) for (let i = 0; i < targets.length; i++) targets[i] -= values[i];
      }
      const sampling = operator.kind === 'conv' ? { most: mostPositions, random } : null;
      const into = split.next();
      for (const { group, rows, positions } of operatorRows(operator, current.get(operator.input)!, sampling)) {
        await into[group].add(rows, targetRows(targets, sum.shape, operator, { group, positions }));
      }
    },
    async finish() {
      for (const part of [...fitted, ...heldOut]) await part.flush();
      const centred = operator.biasSlot !== null;
      const parts = fitted.map((part, group) => fitToTargets(part, heldOut[group], fit.weights[group], centred));
      const means = centred ? parts.map(({ input, target: mean }) => ({ input, target: mean })) : null;
      return { groups: parts.map(({ group }) => group), means };
    },
  };
}
