// Weights as com.microsoft MatMulBnb4 takes them: each one of 16 levels of a normal distribution (NF4; Dettmers et al., QLoRA, 2023) times the
// largest magnitude of its block. Blocks follow each other through W [N, K], from one channel into the next; two levels share a byte, the first
// in its high half, as bitsandbytes stores them.
import { normalFloatLevels } from '../../numeric/index.js';
import { ComputedTensor, chunkLength, type Tensor, type TensorKernel } from '../../tensor/index.js';
import type { BlockLayout, BlockTensors } from './block-weight.js';
import { turned } from './turned.js';

const middles = normalFloatLevels.slice(1).map((level, index) => (level + normalFloatLevels[index]) / 2);

/** The level nearest to `value`. */
function levelOf(value: number): number {
  let level = 0;
  for (let step = 8; step > 0; step >>= 1) if (value > middles[level + step - 1]) level += step;
  return level;
}

/** Level of each value, relative to the largest magnitude of its block; writes that to `scales`. */
export function quantizeNormalFloat(values: Float32Array, blockSize: number, scales: Float32Array): Uint8Array {
  const levels = new Uint8Array(values.length);
  for (let block = 0, start = 0; start < values.length; block++, start += blockSize) {
    const end = Math.min(start + blockSize, values.length);
    let largest = 0;
    for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(values[i]));
    scales[block] = largest;
    const reciprocal = largest > 0 ? 1 / largest : 0;
    for (let i = start; i < end; i++) levels[i] = levelOf(values[i] * reciprocal);
  }
  return levels;
}

interface NormalFloatParameters {
  readonly layout: BlockLayout;
  readonly blockSize: number;
  readonly part: 'integers' | 'scales';
}

/** Memory: the matrix in float32, twice. */
export const normalFloatKernel: TensorKernel<NormalFloatParameters> = {
  module: import.meta.url,
  exportName: 'normalFloatKernel',
  *chunks([source], { layout, blockSize, part }) {
    const stored = source.readFloat32();
    const values = layout.rows ? stored : turned(stored, layout.n);
    const scales = new Float32Array(Math.ceil(values.length / blockSize));
    const levels = quantizeNormalFloat(values, blockSize, scales);
    let bytes = new Uint8Array(scales.buffer);
    if (part === 'integers') {
      bytes = new Uint8Array(Math.ceil(levels.length / 2));
      for (let i = 0; i < levels.length; i++) bytes[i >> 1] |= levels[i] << (i % 2 === 0 ? 4 : 0);
    }
    for (let at = 0; at < bytes.length; at += chunkLength) yield bytes.subarray(at, at + chunkLength);
  },
};

/** uint8 [bytes] and float32 [blocks]. */
export function normalFloatBlocks(source: Tensor, layout: BlockLayout, blockSize: number): BlockTensors {
  const count = layout.k * layout.n;
  const tensor = (dataType: 'uint8' | 'float32', length: number, part: NormalFloatParameters['part']): Tensor =>
    new ComputedTensor(dataType, [length], normalFloatKernel, [source], { layout, blockSize, part });
  return {
    integers: tensor('uint8', Math.ceil(count / 2), 'integers'),
    scales: tensor('float32', Math.ceil(count / blockSize), 'scales'),
    zeroPoints: null,
  };
}
