// The passes that come with dsopt: the only list. A new pass is added here and nowhere else.
import type { Pass } from '../src/pass/index.js';

export const builtinPasses = [] as const satisfies readonly Pass[];
