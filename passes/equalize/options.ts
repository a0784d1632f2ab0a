// Options of equalize.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const options = z.strictObject({ ...selectionOptions });
