// Floats in 16 bits: stored and computed so, with islands of float32 where float16 does not reach, or only stored so.
import { inferBodyTypes, inferProvenTypes } from '../../src/analysis/index.js';
import { usageError } from '../../src/errors.js';
import type { Graph, Model, Node, Value } from '../../src/ir/index.js';
import { raiseOpset, whyNotRaised } from '../../src/ops/index.js';
import { definePass, type PassContext } from '../../src/pass/index.js';
import { initializerOwners } from '../../src/rewrite/index.js';
import { findWideValues, isFloat32, type Types, whyFloat32 } from './islands.js';
import { type Options, options } from './options.js';
import { Retyping } from './retype.js';
import { float32Weights, storeWeights } from './weights.js';

/** The first in which Cast takes bfloat16. */
const bfloat16Opset = 13;

export const convertFloats = definePass({
  name: 'convert-floats',
  kind: 'quantize',
  summary: 'Stores floats in 16 bits, and computes with them where their range allows it.',
  options,
  needs: ['inference'],
  requires(_model, { type, compute }) {
    if (type === 'bfloat16' && compute === 'half')
      throw usageError(
        'onnxruntime computes no bfloat16 on the CPU',
        'Leave --compute out: weights are stored as bfloat16.',
      );
  },
  async run(model, options, context) {
    const { type, compute } = options;
    if (compute === 'float32' || type === 'bfloat16') await storeInHalf(model, options, context);
    else await computeInHalf(model, options, context);
  },
});

async function storeInHalf(model: Model, { type, minimumSize }: Options, context: PassContext): Promise<void> {
  const chosen = new Set(context.targets());
  const weights = float32Weights(model).filter(
    (value) => value.constant!.size >= minimumSize && [...value.consumers()].every((node) => chosen.has(node)),
  );
  if (type === 'bfloat16' && weights.length > 0) {
    const obstacle = whyNotRaised(model, bfloat16Opset);
    if (obstacle !== null) {
      for (const { name } of weights) context.record.skipped(name, obstacle);
      return;
    }
    raiseOpset(model, bfloat16Opset);
  }
  await storeWeights(model, weights, type, minimumSize, context);
}

async function computeInHalf(model: Model, options: Options, context: PassContext): Promise<void> {
  const { type, keepIo, minimumSize } = options;
  const { record } = context;
  const types = new Map([
    ...(await inferProvenTypes(model, context.engine)),
    ...(await inferBodyTypes(model, context.engine)),
  ]);
  const wide = await findWideValues(model, types, type, context);
  const chosen = new Set<Node>();
  for (const node of context.targets()) {
    if (!touchesFloats(node, types) || node.graph?.scope !== model.graph.scope) continue;
    const reason = whyFloat32(node, model, { types, wide, options });
    if (reason === null) chosen.add(node);
    else record.skipped(node, reason);
  }
  if (!pays(model, chosen, types, options)) {
    for (const node of chosen) record.skipped(node, 'the model would not become smaller');
    return;
  }
  const retyping = new Retyping(model, types, type, wide);
  if (!keepIo) retyping.narrowInputs();
  const convert = (graph: Graph): void => {
    for (const node of [...graph.nodes()]) {
      if (chosen.has(node)) {
        retyping.toHalf(node);
        record.changed(node, `computed in ${type}`);
      } else retyping.keep(node);
      for (const body of node.subgraphs()) {
        convert(body);
        retyping.restoreOutputs(body);
      }
    }
  };
  convert(model.graph);
  if (keepIo) retyping.restoreOutputs(model.graph);
  retyping.shareWeights();
  removeUnusedWeights(model);
  // What is left in float32 can still be stored in 16 bits.
  await storeWeights(
    model,
    float32Weights(model).filter((value) => !wide.has(value)),
    type,
    minimumSize,
    context,
  );
}

/** Bytes that a Cast and the names around it take. */
const castBytes = 160;

/** Whether what halved weights save is more than what Casts take where float16 and float32 meet. */
function pays(model: Model, chosen: ReadonlySet<Node>, types: Types, { keepIo }: Options): boolean {
  const weights = new Set<Value>();
  const graphs = [...model.graph.allGraphs()];
  const restored = graphs.filter((graph) => keepIo || graph !== model.graph).flatMap(({ outputs }) => outputs);
  let casts = restored.filter(({ producer }) => producer && chosen.has(producer)).length;
  const values = graphs.flatMap((graph) => [...graph.inputs, ...[...graph.nodes()].flatMap((node) => node.outputs)]);
  for (const value of values) {
    if (!isFloat32(value, types)) continue;
    const isHalf = value.producer ? chosen.has(value.producer) : !keepIo && model.graph.inputs.includes(value);
    if ([...value.uses].some(({ node }) => chosen.has(node) !== isHalf)) casts++;
  }
  for (const node of chosen) for (const input of node.inputs) if (model.constantOf(input)) weights.add(input!);
  const saved = [...weights].reduce((sum, { constant }) => sum + constant!.byteLength / 2, 0);
  return saved > casts * castBytes;
}

function touchesFloats(node: Node, types: Types): boolean {
  return [...node.inputs, ...node.outputs].some((value) => isFloat32(value, types));
}

function removeUnusedWeights(model: Model): void {
  for (const [value, owner] of initializerOwners(model)) {
    if (!value.isUsed && model.constantOf(value) !== null) owner.removeInitializer(value);
  }
}
