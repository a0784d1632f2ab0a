// Where integers begin between float operators, the image of a residual block reaches its Conv and its Add. onnxruntime computes integer Convs with
// channels last and moves its Transposes down through an Add only if all of its operands have one: else it turns the image twice in each block.
// A Transpose that changes nothing, right behind QuantizeLinear, counts as one and is merged into the one that the Conv needs.
import { optimizeModel } from '../../../src/engine/index.js';
import { intsAttribute, type Model, type Node } from '../../../src/ir/index.js';

/**
 * Puts a Transpose without effect behind each QuantizeLinear of `model` whose images a Conv and something else take, if onnxruntime then has fewer
 * images to turn. Returns by how many, 0 if nothing was changed.
 */
export async function keepChannelsLast(model: Model): Promise<number> {
  const { graph } = model;
  const starts = [...graph.nodes()].filter(beginsBlock);
  if (starts.length === 0) return 0;
  const before = await transposeCount(model);
  const added = starts.map((node) => addTranspose(model, node));
  const saved = before - (await transposeCount(model));
  if (saved > 0) return saved;
  for (const node of added) {
    node.output.replaceAllUsesWith(node.input(0)!);
    graph.remove(node);
  }
  return 0;
}

/** Whether a node makes integers, of what is computed in float, that a Conv of images and another operator take. */
function beginsBlock(node: Node): boolean {
  if (node.opType !== 'QuantizeLinear' || node.output.isGraphOutput) return false;
  const { producer } = node.input(0)!;
  if (!producer || producer.inputs.every((value) => value?.producer?.opType === 'DequantizeLinear')) return false;
  const consumers = [...node.output.uses].flatMap(({ node: user }) =>
    user.opType === 'DequantizeLinear' ? [...user.output.uses].map((use) => use.node) : [user],
  );
  return consumers.some(isImageConv) && consumers.some((consumer) => !isConv(consumer));
}

function isConv(node: Node): boolean {
  return node.is('Conv', 'QLinearConv');
}

/** A Conv along two axes, by the shape of its weight. */
function isImageConv(node: Node): boolean {
  if (!isConv(node)) return false;
  let weight = node.input(node.is('Conv') ? 1 : 3);
  while (weight?.producer) weight = weight.producer.input(0);
  return weight?.constant?.shape.length === 4;
}

function addTranspose({ graph }: Model, node: Node): Node {
  const integers = node.output;
  const uses = [...integers.uses];
  const transpose = graph.insertAfter(node, {
    opType: 'Transpose',
    inputs: [integers],
    outputs: [graph.scope.uniqueName(`${integers.name}_image`)],
    attributes: { perm: intsAttribute([0, 1, 2, 3]) },
  });
  for (const { node: user, index } of uses) user.replaceInput(index, transpose.output);
  return transpose;
}

async function transposeCount(model: Model): Promise<number> {
  const { graph } = await optimizeModel(model, { layouts: true });
  return [...graph.nodes()].filter((node) => node.is('Transpose')).length;
}
