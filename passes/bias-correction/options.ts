// Options of bias-correction.
import { z } from 'zod';
import { selectionOptions } from '../../src/pass/index.js';

export const options = z.strictObject({ ...selectionOptions });
