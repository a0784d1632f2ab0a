// A copy of the model computes what the result will: with the weights that are stored, and activations rounded as the runtime rounds them.
import type { LinearOperator } from '../../src/analysis/index.js';
import type { Node } from '../../src/ir/index.js';
import { isTransposedGemm, turned } from '../../src/quantization/index.js';
import { NodeInserter } from '../../src/rewrite/index.js';
import { castTensor, MemoryTensor } from '../../src/tensor/index.js';

/** Gives `node`, which stands for that of `operator`, the weight `decoded` [K, N]. */
export function replaceWeight(
  node: Node,
  { weight, weightIndex, rowLength }: LinearOperator,
  decoded: Float32Array,
): void {
  const inRows = isTransposedGemm(node) || node.is('Conv');
  const seen = inRows ? turned(decoded, decoded.length / rowLength) : decoded;
  const tensor = castTensor(new MemoryTensor('float32', weight.shape, seen), weight.dataType);
  node.replaceInput(weightIndex, node.graph!.addInitializer(`${node.output.name}_stored`, tensor));
}

/** DynamicQuantizeLinear in front of `node`, and back; for float32 only. */
export function roundActivation(node: Node): void {
  const input = node.input(0)!;
  if (input.type?.kind === 'tensor' && input.type.dataType !== 'float32') return;
  const nodes = new NodeInserter(node, node.output.name);
  const quantize = nodes.addNode('DynamicQuantizeLinear', [input], ['x8', 'x8_scale', 'x8_zero_point']);
  node.replaceInput(
    0,
    nodes.add(
      'DequantizeLinear',
      quantize.outputs.map((output) => output!),
      'x8_restored',
    ),
  );
}
