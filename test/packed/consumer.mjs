// Runs in a folder where only the packed tarball is installed: the library from plain ESM.
import { compress, Graph, loadModel, MemoryTensor, Model, Scope, saveModel, tensorType } from 'dsopt';

const model = new Model(new Graph(new Scope(), 'consumer'));
model.opsetImports.set('', 17);
const input = model.graph.addInput('x', tensorType('float32', ['batch', 256]));
const values = Float32Array.from({ length: 256 * 256 }, (_, index) => Math.sin(index));
const weight = model.graph.addInitializer('w', new MemoryTensor('float32', [256, 256], values));
const node = model.graph.append({ opType: 'MatMul', inputs: [input, weight], outputs: ['y'] });
node.output.type = tensorType('float32', ['batch', 256]);
model.graph.addOutput(node.output);
await saveModel(model, 'model.onnx');

const loaded = await loadModel('model.onnx');
const { model: smaller, report } = await compress(loaded, {
  recipe: { version: 1, steps: [{ pass: 'quantize-dynamic' }, { pass: 'eliminate-dead' }] },
});
await saveModel(smaller, 'model.smaller.onnx');
if (report.output.bytes >= report.input.bytes) throw new Error('the result is not smaller');
console.log(`compressed ${report.input.bytes} to ${report.output.bytes} bytes`);
