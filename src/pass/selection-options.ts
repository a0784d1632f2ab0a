// The options of every pass that lets its user choose nodes.
import { z } from 'zod';

export const selectionOptions = {
  include: z.array(z.string()).default([]).describe('work on these nodes only: name, glob, re:… or op:…'),
  exclude: z.array(z.string()).default([]).describe('leave these nodes alone: name, glob, re:… or op:…'),
};
