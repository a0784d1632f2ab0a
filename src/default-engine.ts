import type { Engine } from './engine/index.js';
import { unsupportedModel } from './errors.js';

export function createOnnxRuntimeEngine(): Engine {
  const missing = async (): Promise<never> => {
    throw unsupportedModel('This build has no engine yet');
  };
  return { name: 'none', open: missing, inferTypes: missing };
}
