// Options of prune-channels.
import { z } from 'zod';
import { structuredOptions } from '../../src/pruning/index.js';

export const options = z.strictObject(structuredOptions);
