// DequantizeLinear in front of an operator, in the place of a weight.
import type { Node } from '../../src/ir/index.js';
import type { ConstantSource } from '../../src/ops/index.js';
import { type BlockWeight, dequantizeBlocks } from '../../src/quantization/index.js';
import { NodeInserter } from '../../src/rewrite/index.js';
import { int64Tensor } from '../../src/tensor/index.js';
import type { EditContext } from './plan.js';

/** Where `source` reaches input 1 of `node`, through whatever lies in between. */
export function replaceByDequantized(
  node: Node,
  source: ConstantSource,
  weight: BlockWeight,
  { dequantized }: Pick<EditContext, 'dequantized'>,
): void {
  const [consumer, index] = source.path.length > 0 ? [source.path.at(-1)!, 0] : [node, 1];
  // Two users of one weight may share what lies in between.
  if (consumer.input(index) !== source.value) return;
  let value = dequantized.get(weight);
  if (!value) {
    value = dequantizeBlocks(weight);
    const { shape } = source.tensor;
    if (shape.length !== 2) {
      const { graph, name } = weight;
      const whole = graph.addInitializer(`${name}_shape`, int64Tensor([shape.length], shape));
      value = NodeInserter.behind(value, graph, name).add('Reshape', [value, whole], 'shaped');
    }
    dequantized.set(weight, value);
  }
  consumer.replaceInput(index, value);
}
