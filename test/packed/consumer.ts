// Type-checked in a folder where only the packed tarball is installed: the declarations are complete and complete pass names.
import { compress, defineRecipe, loadModel, type Model, saveModel } from 'dsopt';

const recipe = defineRecipe({ version: 1, steps: [{ pass: 'quantize-dynamic' }] });
const model: Model = await loadModel('model.onnx');
const { model: smaller } = await compress(model, { recipe });
await saveModel(smaller, 'model.int8.onnx', { externalData: 'auto' });
