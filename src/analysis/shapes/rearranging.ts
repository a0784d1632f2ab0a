// Operators that cut, join, repeat and rearrange tensors, and those that read shapes.
import { isShape, type Known, mostValues, normalizeAxis, ofIntegers, ofShape, sizeOf } from './known.js';
import { listOf, type Rule, type Rules } from './rule.js';

const shape: Rule = ({ node, inputs: [input] }) => {
  if (!input) return null;
  const rank = input.shape.length;
  const start = normalizeAxis(node.attributes.int('start', 0), rank);
  return [ofIntegers(input.shape.slice(start, normalizeAxis(node.attributes.int('end', rank), rank)))];
};

const size: Rule = ({ inputs: [input] }) =>
  input ? [{ shape: [], values: [sizeOf(input.shape)], integer: true }] : null;

const reshape: Rule = (input) => {
  const [data] = input.inputs;
  const wanted = listOf(input, 'shape', 1);
  if (!data || !wanted) return null;
  const keepsZero = input.node.attributes.int('allowzero', 0) !== 0;
  const dims = wanted.map((dim, axis) => (dim === 0 && !keepsZero ? (data.shape[axis] ?? 0) : dim));
  const rest = sizeOf(dims.filter((dim) => dim !== -1));
  return [{ ...data, shape: dims.map((dim) => (dim === -1 ? sizeOf(data.shape) / rest : dim)) }];
};

const flatten: Rule = ({ node, inputs: [input] }) => {
  if (!input) return null;
  const axis = normalizeAxis(node.attributes.int('axis', 1), input.shape.length);
  return [{ ...input, shape: [sizeOf(input.shape.slice(0, axis)), sizeOf(input.shape.slice(axis))] }];
};

const transpose: Rule = ({ node, inputs: [input] }) => {
  if (!input) return null;
  const order = node.attributes.ints('perm') ?? input.shape.map((_, axis) => axis).reverse();
  const moved = order.some((axis, index) => axis !== index);
  return [{ ...input, shape: order.map((axis) => input.shape[axis]), values: moved ? null : input.values }];
};

const squeeze: Rule = (input) => {
  const [data] = input.inputs;
  const axes = listOf(input, 'axes', 1);
  if (!data || axes === null) return null;
  const rank = data.shape.length;
  const gone = new Set(axes?.map((axis) => normalizeAxis(axis, rank)));
  return [{ ...data, shape: data.shape.filter((dim, axis) => (axes ? !gone.has(axis) : dim !== 1)) }];
};

const unsqueeze: Rule = (input) => {
  const [data] = input.inputs;
  const axes = listOf(input, 'axes', 1);
  if (!data || !axes) return null;
  const rank = data.shape.length + axes.length;
  const added = new Set(axes.map((axis) => normalizeAxis(axis, rank)));
  const rest = [...data.shape];
  return [{ ...data, shape: Array.from({ length: rank }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!)) }];
};

const concat: Rule = ({ node, inputs }) => {
  if (inputs.length === 0 || inputs.some((input) => !input)) return null;
  const parts = inputs as readonly Known[];
  const axis = normalizeAxis(node.attributes.int('axis', 1), parts[0].shape.length);
  const dims = [...parts[0].shape];
  if (!(axis in dims)) return null;
  dims[axis] = parts.reduce((sum, part) => sum + part.shape[axis], 0);
  const values = dims.length === 1 ? joinValues(parts) : null;
  return [{ shape: dims, values, integer: parts.every(({ integer }) => integer) }];
};

function joinValues(parts: readonly Known[]): number[] | null {
  const values = parts.flatMap((part) => part.values ?? [Number.NaN]);
  return values.length > mostValues || values.some(Number.isNaN) ? null : values;
}

const split: Rule = (input) => {
  const { node } = input;
  const [data] = input.inputs;
  if (!data) return null;
  const axis = normalizeAxis(node.attributes.int('axis', 0), data.shape.length);
  const given = listOf(input, 'split', 1);
  if (given === null) return null;
  const count = node.outputs.length;
  const piece = Math.ceil(data.shape[axis] / count);
  let start = 0;
  return node.outputs.map((_, index) => {
    const length = given?.[index] ?? Math.min(piece, data.shape[axis] - start);
    const values = data.shape.length === 1 && data.values ? data.values.slice(start, start + length) : null;
    start += length;
    return { shape: data.shape.map((dim, at) => (at === axis ? length : dim)), values, integer: data.integer };
  });
};

const slice: Rule = (input) => {
  const [data] = input.inputs;
  const starts = listOf(input, 'starts', 1);
  const ends = listOf(input, 'ends', 2);
  const axes = listOf(input, 'axes', 3);
  const steps = listOf(input, 'steps', 4);
  if (!data || !starts || !ends || axes === null || steps === null) return null;
  const dims = [...data.shape];
  let values = data.shape.length === 1 ? data.values : null;
  for (const [index, from] of starts.entries()) {
    const axis = normalizeAxis(axes?.[index] ?? index, dims.length);
    if (!(axis in dims)) return null;
    const step = steps?.[index] ?? 1;
    const positions = slicePositions(dims[axis], from, ends[index], step);
    dims[axis] = positions.length;
    values = values && pick(values, positions);
  }
  return [{ shape: dims, values, integer: data.integer }];
};

/** First position, step and number of positions, clamped as ONNX does. */
function slicePositions(
  dim: number,
  from: number,
  to: number,
  step: number,
): { first: number; step: number; length: number } {
  const clamp = (position: number, least: number, most: number): number =>
    Math.min(Math.max(position < 0 ? position + dim : position, least), most);
  const first = step > 0 ? clamp(from, 0, dim) : clamp(from, 0, dim - 1);
  const end = step > 0 ? clamp(to, 0, dim) : clamp(to, -1, dim - 1);
  return { first, step, length: Math.max(0, Math.ceil((end - first) / step)) };
}

function pick(values: readonly number[], { first, step, length }: ReturnType<typeof slicePositions>): number[] {
  return Array.from({ length: Math.min(length, values.length) }, (_, index) => values[first + index * step]);
}

const gather: Rule = ({ node, inputs: [data, indices] }) => {
  if (!data || !indices) return null;
  const axis = normalizeAxis(node.attributes.int('axis', 0), data.shape.length);
  const dims = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
  const values =
    data.shape.length === 1 && data.values && indices.values
      ? indices.values.map((index) => data.values![normalizeAxis(index, data.shape[0])])
      : null;
  return [{ shape: dims, values, integer: data.integer }];
};

const gatherElements: Rule = ({ inputs: [data, indices] }) =>
  data && indices ? [ofShape(indices.shape, data.integer)] : null;

const gatherNd: Rule = ({ node, inputs: [data, indices] }) => {
  if (!data || !indices) return null;
  const batch = node.attributes.int('batch_dims', 0);
  const depth = indices.shape[indices.shape.length - 1];
  return [ofShape([...indices.shape.slice(0, -1), ...data.shape.slice(batch + depth)], data.integer)];
};

const constantOfShape: Rule = ({ node, inputs: [dims] }) => {
  if (!dims?.values || !isShape(dims.values)) return null;
  const tensor = node.attributes.tensor('value');
  const integer = tensor !== null && !tensor.dataType.startsWith('float');
  const fill = tensor === null ? 0 : integer && tensor.size === 1 ? tensor.readNumbers()[0] : null;
  const { values: shape } = dims;
  const count = sizeOf(shape);
  const values = fill === null || count > mostValues ? null : new Array<number>(count).fill(fill);
  return [{ shape, values, integer }];
};

const expand: Rule = ({ inputs: [data, dims] }) => {
  if (!data || !dims?.values) return null;
  const rank = Math.max(data.shape.length, dims.values.length);
  const at = (list: readonly number[], axis: number): number => list[axis - rank + list.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => Math.max(at(data.shape, axis), at(dims.values!, axis)));
  if (!isShape(shape)) return null;
  const size = sizeOf(shape);
  const values = data.values?.length === 1 && size <= mostValues ? new Array<number>(size).fill(data.values[0]) : null;
  return [{ shape, values, integer: data.integer }];
};

const tile: Rule = ({ inputs: [data, repeats] }) =>
  data && repeats?.values
    ? [
        ofShape(
          data.shape.map((dim, axis) => dim * repeats.values![axis]),
          data.integer,
        ),
      ]
    : null;

const range: Rule = ({ inputs: [start, limit, delta] }) => {
  if (!start?.values || !limit?.values || !delta?.values) return null;
  const [from] = start.values;
  const [step] = delta.values;
  const length = Math.max(0, Math.ceil((limit.values[0] - from) / step));
  if (!Number.isSafeInteger(length)) return null;
  const values = length <= mostValues ? Array.from({ length }, (_, index) => from + index * step) : null;
  return [{ shape: [length], values, integer: start.integer }];
};

const pad: Rule = (input) => {
  const [data] = input.inputs;
  const pads = listOf(input, 'pads', 1) ?? input.node.attributes.ints('paddings');
  const axes = listOf(input, 'axes', 3);
  if (!data || !pads || axes === null) return null;
  const dims = [...data.shape];
  const count = pads.length / 2;
  for (let index = 0; index < count; index++) {
    dims[normalizeAxis(axes?.[index] ?? index, dims.length)] += pads[index] + pads[index + count];
  }
  return [ofShape(dims, data.integer)];
};

const depthToSpace: Rule = ({ node, inputs: [input] }) => {
  if (input?.shape.length !== 4) return null;
  const block = node.attributes.int('blocksize', 1);
  const [batch, channels, height, width] = input.shape;
  return [ofShape([batch, channels / block ** 2, height * block, width * block])];
};

const spaceToDepth: Rule = ({ node, inputs: [input] }) => {
  if (input?.shape.length !== 4) return null;
  const block = node.attributes.int('blocksize', 1);
  const [batch, channels, height, width] = input.shape;
  return [ofShape([batch, channels * block ** 2, height / block, width / block])];
};

const resize: Rule = (input) => {
  const { node, opset } = input;
  const [data] = input.inputs;
  if (!data) return null;
  // Resize-10 and Upsample take scales second; later versions take a region of interest before them.
  const scaleIndex = node.opType === 'Upsample' || opset < 11 ? 1 : 2;
  const sizes = node.opType === 'Resize' && opset >= 11 && node.input(3) ? input.inputs[3]?.values : undefined;
  const scales = node.attributes.floats('scales') ?? input.inputs[scaleIndex]?.values;
  const axes = node.attributes.ints('axes') ?? data.shape.map((_, axis) => axis);
  if (!sizes && !scales) return null;
  const dims = [...data.shape];
  for (const [index, axis] of axes.entries()) {
    const at = normalizeAxis(axis, dims.length);
    if (!(at in dims)) return null;
    dims[at] = sizes ? sizes[index] : Math.floor(dims[at] * scales![index] + 1e-6);
  }
  return [ofShape(dims)];
};

const oneHot: Rule = ({ node, inputs: [indices, depth] }) => {
  if (!indices || !depth?.values) return null;
  const axis = normalizeAxis(node.attributes.int('axis', -1), indices.shape.length + 1);
  return [ofShape([...indices.shape.slice(0, axis), depth.values[0], ...indices.shape.slice(axis)])];
};

export const rearrangingRules: Rules = {
  Shape: shape,
  Size: size,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ConstantOfShape: constantOfShape,
  Expand: expand,
  Tile: tile,
  Range: range,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Resize: resize,
  Upsample: resize,
  OneHot: oneHot,
};
