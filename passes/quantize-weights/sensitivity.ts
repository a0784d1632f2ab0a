// What rounding each matrix alone does to the outputs of the model: one session that switches between each weight and what is left of it.
import { cloneWithNodes, type Model, type Node, nodeLabel, tensorType } from '../../src/ir/index.js';
import type { PassContext } from '../../src/pass/index.js';
import { isTransposedGemm, roundPlainly, turned } from '../../src/quantization/index.js';
import { castTensor, int64Tensor, isFloat, MemoryTensor, type Tensor } from '../../src/tensor/index.js';
import type { NodePlan, WeightRequest } from './plan.js';
import { formOf, readMatrix } from './stored-matrix.js';

/** Samples that are run. */
const mostSamples = 8;

/**
 * Records, for each matrix product, the squared error of the outputs relative to their squares; without data, that of the weight itself.
 * @param model as the pass found it; is not edited.
 */
export async function recordSensitivity(model: Model, plans: Iterable<NodePlan>, context: PassContext): Promise<void> {
  const products = [...plans].filter(({ node }) => node.is('MatMul', 'Gemm') && node.graph === model.graph);
  const errors = context.samples ? await outputErrors(model, products, context) : products.map(weightError);
  for (const [index, { node }] of products.entries()) {
    context.record.metric(`sensitivity ${nodeLabel(node)}`, errors[index]);
  }
}

function weightError({ requests: [request] }: NodePlan): number {
  const weights = readMatrix(request);
  return relativeError(weights, roundPlainly(weights, weights.length / request.form.layout.k, formOf(request)));
}

async function outputErrors(
  model: Model,
  products: readonly NodePlan[],
  { engine, samples, signal, progress }: PassContext,
): Promise<number[]> {
  const { copy, mask } = switchedCopy(model, products);
  const session = await engine.open(copy);
  const errors = products.map(() => 0);
  try {
    let count = 0;
    for await (const sample of samples!) {
      const run = (on: number): Promise<Record<string, Tensor>> => {
        const switches = Uint8Array.from(products, (_, which) => (which === on ? 1 : 0));
        return session.run({ ...sample, [mask]: new MemoryTensor('bool', [products.length], switches) });
      };
      const exact = await run(-1);
      for (const which of products.keys()) {
        signal.throwIfAborted();
        const outputs = await run(which);
        for (const [name, output] of Object.entries(exact)) {
          if (isFloat(output.dataType))
            errors[which] += relativeError(output.readFloat32(), outputs[name].readFloat32());
        }
        progress(which + 1, products.length);
      }
      if (++count === mostSamples) break;
    }
  } finally {
    await session.close();
  }
  return errors;
}

function switchedCopy(model: Model, products: readonly NodePlan[]): { readonly copy: Model; readonly mask: string } {
  const { clone: copy, copyOf } = cloneWithNodes(model);
  const { graph } = copy;
  const mask = graph.addInput(graph.scope.uniqueName('dsopt_rounded'), tensorType('bool', [products.length]));
  for (const [index, { node, requests }] of products.entries()) {
    const target = copyOf(node);
    const [request] = requests;
    const position = graph.addInitializer(`dsopt_matrix_${index}`, int64Tensor([], [index]));
    const isOn = graph.insertBefore(target, { opType: 'Gather', inputs: [mask, position] }).output;
    const weight = target.input(1)!;
    const rounded = graph.addInitializer(`dsopt_weight_${index}`, roundedTensor(node, request));
    target.replaceInput(1, graph.insertBefore(target, { opType: 'Where', inputs: [isOn, rounded, weight] }).output);
  }
  return { copy, mask: mask.name };
}

/** What is left of the weight, as the node sees it. */
function roundedTensor(node: Node, request: WeightRequest): Tensor {
  const { shape, dataType } = request.source;
  const weights = readMatrix(request);
  const n = weights.length / request.form.layout.k;
  const rounded = roundPlainly(weights, n, formOf(request));
  const seen = isTransposedGemm(node) ? turned(rounded, n) : rounded;
  return castTensor(new MemoryTensor('float32', shape, seen), dataType);
}

function relativeError(exact: Float32Array, rounded: Float32Array): number {
  let squares = 0;
  let error = 0;
  for (let i = 0; i < exact.length; i++) {
    if (!Number.isFinite(exact[i])) continue;
    squares += exact[i] ** 2;
    error += (exact[i] - rounded[i]) ** 2;
  }
  return squares > 0 ? error / squares : error;
}
