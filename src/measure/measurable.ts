// Whether models can be measured here: their processes are plain Node.js, which cannot load TypeScript sources.
import { extname } from 'node:path';

/** False where modules are TypeScript, as under a test runner. */
export const canMeasure: boolean = extname(import.meta.url) !== '.ts';
