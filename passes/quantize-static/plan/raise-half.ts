// Models that compute in float16 are quantized as models of float32: onnxruntime computes float16 on the CPU by converting to float32 and back, and makes
// integer kernels of pairs of float32 only.
import type { Model, Node, TensorType, Value } from '../../../src/ir/index.js';
import type { PassContext } from '../../../src/pass/index.js';
import { computeInFloat32, whyNotInFloat32 } from '../../../src/rewrite/index.js';
import type { Options } from '../options.js';
import { wouldGrow } from './plan.js';
import { planLinears } from './plan-linears.js';

/** Raises the model where operators with weights of float16 can be quantized, and says so. Whether it did. */
export function raiseHalf(
  model: Model,
  nodes: readonly Node[],
  options: Options,
  types: ReadonlyMap<Value, TensorType>,
  { record, target }: PassContext,
): boolean {
  const unheard = { skipped: () => {} };
  const either = { ...options, floats: new Set(['float32', 'float16']) };
  const linears = planLinears(model, nodes, either, types, { record: unheard, target }).filter(
    ({ edge }) => edge === null,
  );
  const half = linears.filter(({ operator }) => operator.weight.tensor.dataType === 'float16');
  if (half.length === 0 || (options.minimumSize > 1 && wouldGrow({ linears, elementwise: [] }))) return false;
  const obstacle = whyNotInFloat32(model);
  if (obstacle !== null) {
    record.warn(
      `${half.length} operators with float16 weights are not quantized: the model cannot be raised to float32, as ${obstacle}`,
    );
    return false;
  }
  computeInFloat32(model);
  record.warn(
    'The model computed in float16 and now computes in float32 where not in integers, as integer kernels take and give float32; inputs and outputs keep their types',
  );
  return true;
}
