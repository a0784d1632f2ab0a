// Products with weights in blocks that onnxruntime decodes in its kernels (com.microsoft MatMulNBits, MatMulBnb4), as MatMul with the weights decoded once: their
// gradients go to what is multiplied with them. Zeros fill up the last block of a row, and nothing of them is left.
import type { Node } from '../../ir/index.js';
import { normalFloatLevels, unpackUnsigned } from '../../numeric/index.js';
import { float32Tensor, type Tensor } from '../../tensor/index.js';
import type { Expansion } from './index.js';

export const matMulNBits: Expansion = (node, b) => {
  const weight = decodedNBits(node);
  if (!weight) return null;
  const product = b.matMul(node.inputs[0]!, b.constant(weight));
  const bias = node.input(5);
  return [bias ? b.add(product, bias) : product];
};

export const matMulBnb4: Expansion = (node, b) => {
  const weight = decodedFloats(node);
  return weight && [b.matMul(node.inputs[0]!, b.constant(weight))];
};

/** [K, N]; null where weights are computed or of other types. */
function decodedNBits(node: Node): Tensor | null {
  const { attributes } = node;
  const [k, n, bits] = [attributes.int('K', 0), attributes.int('N', 0), attributes.int('bits', 4)];
  const blockSize = attributes.int('block_size', 32);
  const [integers, scaleTensor] = [node.input(1)?.constant, node.input(2)?.constant];
  if (integers?.dataType !== 'uint8' || scaleTensor?.dataType !== 'float32') return null;
  const zeroTensor = node.input(3)?.constant ?? null;
  const order = node.input(4)?.constant ?? null;
  const computed = [3, 4].some((index) => node.input(index) && !node.input(index)!.constant);
  if (computed || !(bits === 2 || bits === 4 || bits === 8)) return null;
  const blocks = Math.ceil(k / blockSize);
  const row = blocks * blockSize;
  if (integers.byteLength !== (n * row * bits) / 8 || scaleTensor.size !== n * blocks) return null;
  const q = unpacked(integers, bits, n * row);
  const scales = scaleTensor.readFloat32();
  const perByte = 8 / bits;
  const zeroRow = zeroTensor?.dataType === 'uint8' ? Math.ceil(blocks / perByte) * perByte : blocks;
  const zeros = !zeroTensor
    ? null
    : zeroTensor.dataType === 'uint8'
      ? unpacked(zeroTensor, bits, n * zeroRow)
      : zeroTensor.readFloat32();
  if (zeros && zeros.length < n * zeroRow) return null;
  const groups = order?.readNumbers();
  const middle = 2 ** (bits - 1);
  const weight = new Float32Array(k * n);
  for (let column = 0; column < n; column++) {
    for (let i = 0; i < k; i++) {
      const block = groups ? Number(groups[i]) : Math.floor(i / blockSize);
      const zero = zeros ? zeros[column * zeroRow + block] : middle;
      weight[i * n + column] = (q[column * row + i] - zero) * scales[column * blocks + block];
    }
  }
  return float32Tensor([k, n], weight);
}

function unpacked(tensor: Tensor, bits: 2 | 4 | 8, count: number): Uint8Array {
  const bytes = tensor.bytes();
  return bits === 8 ? bytes : unpackUnsigned(bytes, bits, count);
}

/** Of NF4: blocks of [N, K] as one row, two elements a byte, the first in the higher half. */
function decodedFloats(node: Node): Tensor | null {
  const { attributes } = node;
  const [k, n, blockSize] = [attributes.int('K', 0), attributes.int('N', 0), attributes.int('block_size', 64)];
  const [packed, absmax] = [node.input(1)?.constant, node.input(2)?.constant];
  if (
    attributes.int('quant_type', 1) !== 1 ||
    packed?.dataType !== 'uint8' ||
    absmax?.dataType !== 'float32' ||
    packed.byteLength * 2 < k * n
  )
    return null;
  const [bytes, largest] = [packed.bytes(), absmax.readFloat32()];
  const weight = new Float32Array(k * n);
  for (let at = 0; at < k * n; at++) {
    const byte = bytes[at >> 1];
    const level = normalFloatLevels[at % 2 === 0 ? byte >> 4 : byte & 15];
    weight[(at % k) * n + Math.floor(at / k)] = level * largest[Math.floor(at / blockSize)];
  }
  return float32Tensor([k, n], weight);
}
