// Files that are taken for ONNX models by mistake, known by their first bytes.

interface ForeignFile {
  /** The bytes at `offset` as Latin-1, in lower case. */
  readonly signatures: readonly string[];
  readonly offset?: number;
  readonly what: string;
  readonly hint: string;
}

const convert = 'Export the model to ONNX with the tools of its framework.';
const foreignFiles: readonly ForeignFile[] = [
  { signatures: ['version https://git-lfs'], what: 'a pointer of Git LFS', hint: 'Fetch the file with git lfs pull.' },
  { signatures: ['<!doctype', '<html', '<?xml'], what: 'a web page', hint: 'Download the file itself.' },
  { signatures: ['ortm'], offset: 4, what: 'a model in ORT format', hint: 'Pass the ONNX file it was made from.' },
  { signatures: ['tfl3'], offset: 4, what: 'a TensorFlow Lite model', hint: convert },
  { signatures: ['{"'], offset: 8, what: 'a safetensors file', hint: convert },
  { signatures: ['gguf'], what: 'a GGUF file', hint: convert },
  { signatures: ['\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'], what: 'a Python pickle', hint: convert },
  { signatures: ['\x89hdf'], what: 'an HDF5 file', hint: convert },
  { signatures: ['pk\x03\x04'], what: 'a zip archive or a PyTorch checkpoint', hint: 'Unpack it, or export to ONNX.' },
  { signatures: ['\x1f\x8b'], what: 'a gzip archive', hint: 'Unpack it.' },
];

/** Bytes that `foreignFile` looks at. */
export const foreignFileStart = 32;

/** What a file that is no ONNX model is, as far as its first bytes tell. */
export function foreignFile(firstBytes: Uint8Array): { readonly what: string; readonly hint: string } | null {
  const text = Buffer.from(firstBytes).toString('latin1').toLowerCase();
  const fits = ({ signatures, offset = 0 }: ForeignFile): boolean =>
    signatures.some((signature) => text.startsWith(signature, offset));
  return foreignFiles.find(fits) ?? null;
}
