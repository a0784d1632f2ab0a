export { chunkLength } from './chunk-length.js';
export { float32Tensor, int64Tensor, scalarTensor } from './create.js';
export {
  bitsPerElement,
  byteLengthOf,
  type DataType,
  dataTypeCode,
  dataTypeOf,
  dataTypes,
  isFloat,
  sizeOf,
  type TypedArray,
  typedArrayOf,
} from './data-type.js';
export { restoreTensor, type TensorDescription } from './description.js';
export { type FileReader, FileSource } from './file-source.js';
export { canCast, canTranspose, castTensor, reshapeTensor, takeTensor, transposeTensor } from './kernels/index.js';
export {
  ComputedTensor,
  FileTensor,
  MemoryTensor,
  StringTensor,
  Tensor,
  type TensorKernel,
} from './tensor.js';
export { decodeVarints, packSixBits } from './varint.js';
