// Writes transformer encoders as PyTorch's exporter writes them, of any size, with made-up weights: models to measure with.
// node dist-bench/bench/generate-transformer.js bert-base|3gib|1gb|2gb|4gb|8gb FILE
import { parseModel } from '../src/ir/index.js';
import { saveModel } from '../src/onnx/index.js';
import { ComputedTensor } from '../src/tensor/index.js';
import { weightKernel } from './weight-kernel.js';

interface Size {
  readonly blocks: number;
  readonly hidden: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly positions: number;
}

/** 50 M parameters a block, 201 MB. */
const wide = { hidden: 2048, heads: 16, feedForward: 8192, vocabulary: 1024, positions: 512 } as const;

/** `bert-base`: 109 M parameters, 435 MB. `3gib`: 804 M parameters, over what one file may hold. `8gb`: 2 G parameters. */
const sizes: Readonly<Record<string, Size>> = {
  'bert-base': { blocks: 12, hidden: 768, heads: 12, feedForward: 3072, vocabulary: 30522, positions: 512 },
  '3gib': { blocks: 16, ...wide },
  '1gb': { blocks: 5, ...wide },
  '2gb': { blocks: 10, ...wide },
  '4gb': { blocks: 20, ...wide },
  '8gb': { blocks: 40, ...wide },
};

const [sizeName = '', path = ''] = process.argv.slice(2);
const size = sizes[sizeName];
if (!size || !path) throw new TypeError(`node generate-transformer.js ${Object.keys(sizes).join('|')} FILE`);
const model = parseModel(modelText(size), {
  elided: (name, dataType, shape) => new ComputedTensor(dataType, shape, weightKernel, [], name),
});
for (const file of await saveModel(model, path, { overwrite: true })) process.stdout.write(`${file}\n`);

function modelText({ blocks, hidden, heads, feedForward, vocabulary, positions }: Size): string {
  const weights: string[] = [];
  const nodes: string[] = [];
  const weight = (name: string, ...shape: readonly number[]): string => {
    weights.push(`float[${shape}] ${name} = {...}`);
    return name;
  };
  const add = (...lines: readonly string[]): void => {
    nodes.push(...lines.map((line) => `  ${line}`));
  };
  const dense = (name: string, input: string, from: number, to: number): string => {
    add(`${name}_product = MatMul (${input}, ${weight(`${name}_weight`, from, to)})`);
    add(`${name} = Add (${weight(`${name}_bias`, to)}, ${name}_product)`);
    return name;
  };
  const norm = (name: string, input: string): string => {
    const [scale, bias] = [weight(`${name}_weight`, hidden), weight(`${name}_bias`, hidden)];
    add(`${name} = LayerNormalization <axis = -1, epsilon = 1e-12> (${input}, ${scale}, ${bias})`);
    return name;
  };
  // What x.view(batch, length, …) and x.size(…) become.
  const reshape = (name: string, input: string, ...tail: readonly number[]): string => {
    add(`${name}_shape = Shape (${input})`);
    add(`${name}_batch = Gather <axis = 0> (${name}_shape, zero)`);
    add(`${name}_length = Gather <axis = 0> (${name}_shape, one)`);
    add(`${name}_batch_1d = Unsqueeze (${name}_batch, zero_1d)`);
    add(`${name}_length_1d = Unsqueeze (${name}_length, zero_1d)`);
    const rest = tail.map((length, index) => {
      add(`${name}_tail_${index} = Constant <value = int64[1] {${length}}> ()`);
      return `${name}_tail_${index}`;
    });
    add(`${name}_target = Concat <axis = 0> (${[`${name}_batch_1d`, `${name}_length_1d`, ...rest].join(', ')})`);
    add(`${name} = Reshape (${input}, ${name}_target)`);
    return name;
  };
  add(
    `words = Gather (${weight('word_embeddings', vocabulary, hidden)}, input_ids)`,
    'ids_shape = Shape (input_ids)',
    'ids_length = Gather <axis = 0> (ids_shape, one)',
    'ids_length_1d = Unsqueeze (ids_length, zero_1d)',
    'position_ids = Slice (all_positions, zero_1d, ids_length_1d, zero_1d)',
    `positions = Gather (${weight('position_embeddings', positions, hidden)}, position_ids)`,
    'embedded = Add (words, positions)',
    'mask_2d = Cast <to = 1> (attention_mask)',
    'mask_axes = Constant <value = int64[2] {1, 2}> ()',
    'mask_4d = Unsqueeze (mask_2d, mask_axes)',
    'mask_not = Sub (unit, mask_4d)',
    'mask = Mul (mask_not, lowest)',
  );
  let input = norm('embedding_norm', 'embedded');
  for (let block = 0; block < blocks; block++) {
    const at = `block_${block}`;
    const [query, key, value] = ['query', 'key', 'value'].map((role) => {
      const projected = dense(`${at}_${role}`, input, hidden, hidden);
      const split = reshape(`${at}_${role}_heads`, projected, heads, hidden / heads);
      add(`${split}_t = Transpose <perm = [${role === 'key' ? '0, 2, 3, 1' : '0, 2, 1, 3'}]> (${split})`);
      return `${split}_t`;
    });
    add(
      `${at}_scores = MatMul (${query}, ${key})`,
      `${at}_scaled = Div (${at}_scores, root)`,
      `${at}_masked = Add (${at}_scaled, mask)`,
      `${at}_attention = Softmax <axis = -1> (${at}_masked)`,
      `${at}_context = MatMul (${at}_attention, ${value})`,
      `${at}_context_t = Transpose <perm = [0, 2, 1, 3]> (${at}_context)`,
    );
    const joined = reshape(`${at}_joined`, `${at}_context_t`, hidden);
    add(`${at}_residual = Add (${dense(`${at}_output`, joined, hidden, hidden)}, ${input})`);
    const middle = norm(`${at}_norm1`, `${at}_residual`);
    const wide = dense(`${at}_intermediate`, middle, hidden, feedForward);
    add(
      `${at}_gelu_div = Div (${wide}, root_2)`,
      `${at}_gelu_erf = Erf (${at}_gelu_div)`,
      `${at}_gelu_add = Add (${at}_gelu_erf, unit)`,
      `${at}_gelu_mul = Mul (${wide}, ${at}_gelu_add)`,
      `${at}_gelu = Mul (${at}_gelu_mul, half)`,
    );
    add(`${at}_residual2 = Add (${dense(`${at}_dense`, `${at}_gelu`, feedForward, hidden)}, ${middle})`);
    input = norm(`${at}_norm2`, `${at}_residual2`);
  }
  add(`first = Gather <axis = 1> (${input}, zero)`);
  add(
    `pooled = Gemm <transB = 1> (first, ${weight('pooler_weight', hidden, hidden)}, ${weight('pooler_bias', hidden)})`,
  );
  add('pooled_tanh = Tanh (pooled)', `hidden_states = Identity (${input})`);
  const allPositions = Array.from({ length: positions }, (_, index) => index);
  weights.push(
    'int64 zero = {0}, int64 one = {1}, int64[1] zero_1d = {0}, int64[1] one_1d = {1}, float unit = {1}, float half = {0.5}',
    `float root = {${Math.fround(Math.sqrt(hidden / heads))}}, float root_2 = {${Math.fround(Math.SQRT2)}}, float lowest = {-10000}`,
    `int64[${positions}] all_positions = {${allPositions}}`,
  );
  return `<ir_version: 8, opset_import: ["" : 17], producer_name: "dsopt bench">
transformer (int64[batch,sequence] input_ids, int64[batch,sequence] attention_mask)
  => (float[batch,sequence,${hidden}] hidden_states, float[batch,${hidden}] pooled_tanh) <
  ${weights.join(',\n  ')}
> {
${nodes.join('\n')}
}`;
}
