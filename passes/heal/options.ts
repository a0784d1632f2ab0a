// Options of healing: those of training.
import { z } from 'zod';
import { trainingOptions } from '../../src/training/index.js';

export const options = z.strictObject(trainingOptions);
