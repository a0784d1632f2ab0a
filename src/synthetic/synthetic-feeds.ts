// Seeded inputs for a model without data: of the right types and shapes, with values that mean something to the model.
import type { Feeds } from '../engine/index.js';
import { unsupportedModel, usageError } from '../errors.js';
import type { Model, TensorType, Value } from '../ir/index.js';
import { createRandom } from '../numeric/index.js';
import type { Tensor } from '../tensor/index.js';
import { type Bindings, bindGiven, bindShape, type DimensionPlan, dimensionPlans } from './dimension-plan.js';
import { type InputRole, roleOf } from './input-role.js';
import { makeValues } from './make-values.js';
import type { Demand } from './operand-demands.js';
import { type InferredTypes, traceInput } from './trace-input.js';

export interface SyntheticOptions {
  /** Default 0. The same seed gives the same feeds. */
  readonly seed?: number;
  /** Length of batch axes; default 1. */
  readonly batch?: number;
  /** Shapes of inputs by name, for dynamic axes; symbolic dimensions they share with other inputs follow. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** What `Engine.inferTypes` says of the model: the rows of tables that are computed are known from it. */
  readonly types?: InferredTypes;
  /** Lengths of dynamic axes that `inputShapes` leaves open; default the likeliest. */
  readonly plan?: DimensionPlan;
  /** Integers that nothing is known of: noise (default), or this number. */
  readonly integers?: 'noise' | number;
}

/** Inputs for one model with one choice of shapes; any number of different ones. */
export interface SyntheticFeeds {
  readonly seed: number;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  /** The feeds number `index`, which depend on nothing but the options and `index`. */
  at(index: number): Feeds;
}

interface InputPlan {
  readonly name: string;
  readonly type: TensorType;
  readonly shape: readonly number[];
  readonly role: InputRole;
  readonly demands: readonly Demand[];
}

/**
 * Throws USAGE for `inputShapes` that do not fit the model, MODEL_UNSUPPORTED for inputs that are sequences, maps or optional, or
 * of a type nothing computes with.
 */
export function createSyntheticFeeds(model: Model, options: SyntheticOptions = {}): SyntheticFeeds {
  const { seed = 0, plan = dimensionPlans[0], types = null, integers = 'noise' } = options;
  const bindings: Bindings = new Map();
  const inputs = planInputs(model, options, plan, bindings);
  const traced = inputs.map((input) => ({ ...input, demands: traceInput(model, input.value, types) }));
  return {
    seed,
    shapes: Object.fromEntries(inputs.map(({ name, shape }) => [name, shape])),
    at(index) {
      const random = createRandom(seed).fork(`sample ${index}`);
      const feeds: Record<string, Tensor> = {};
      for (const input of traced) {
        feeds[input.name] = makeValues({
          dataType: input.type.dataType,
          shape: input.shape,
          role: input.role,
          demands: input.demands,
          bindings,
          timeSteps: timeSteps(inputs, input.name),
          past: plan.past,
          integers,
          random: random.fork(input.name),
        });
      }
      return feeds;
    },
  };
}

function planInputs(
  model: Model,
  { batch = 1, inputShapes = {} }: SyntheticOptions,
  plan: DimensionPlan,
  bindings: Bindings,
): (Omit<InputPlan, 'demands'> & { readonly value: Value })[] {
  const inputs = model.graph.inputs
    .filter(({ isInitializer }) => !isInitializer)
    .map((value) => ({ value, type: tensorTypeOf(value) }));
  for (const [name, given] of Object.entries(inputShapes)) {
    const input = inputs.find(({ value }) => value.name === name);
    if (!input) {
      throw usageError(
        `The model has no input ${name}`,
        `Its inputs: ${inputs.map(({ value }) => value.name).join(', ')}.`,
      );
    }
    checkGiven(name, input.type, given);
    bindGiven(input.type.shape ?? [], given, bindings);
  }
  return inputs.map(({ value, type }) => ({
    value,
    name: value.name,
    type,
    shape:
      (Object.hasOwn(inputShapes, value.name) && inputShapes[value.name]) ||
      bindShape(value, type, plan, batch, bindings),
    role: roleOf(value.name, type),
  }));
}

function tensorTypeOf(value: Value): TensorType {
  if (value.type?.kind === 'tensor') return value.type;
  throw unsupportedModel(
    `Input ${value.name} is ${value.type ? `a ${value.type.kind === 'opaque' ? value.type.name : value.type.kind}` : 'of unknown type'}: there are no synthetic values for it`,
    'Such a model can be written without verification: --no-verify.',
  );
}

function checkGiven(name: string, { shape }: TensorType, given: readonly number[]): void {
  const fits =
    shape === null ||
    (shape.length === given.length && shape.every((dim, axis) => typeof dim !== 'number' || dim === given[axis]));
  if (fits) return;
  throw usageError(
    `Input ${name} cannot have the shape ${given.join('x')}`,
    `It is ${shape?.map((dim) => dim ?? '?').join('x')}.`,
  );
}

/** Length of the time axis of the largest other input: its first dynamic axis behind the batch, else its second. */
function timeSteps(inputs: readonly Omit<InputPlan, 'demands'>[], name: string): number {
  let result = 1;
  let largest = 0;
  for (const { name: other, shape, type } of inputs) {
    const size = shape.reduce((product, dim) => product * dim, 1);
    if (other === name || shape.length < 2 || size <= largest) continue;
    largest = size;
    const dynamic = (type.shape ?? []).findIndex((dim, axis) => axis > 0 && typeof dim !== 'number');
    result = shape[dynamic > 0 ? dynamic : 1];
  }
  return result;
}
