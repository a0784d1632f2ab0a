// fuse-batchnorm: BatchNormalization in inference is y = a·x + b per channel; it disappears into the weights of the linear operator
// before it or, where no padding comes in between, behind it.
import { z } from 'zod';
import { definePass, selectionOptions } from '../../src/pass/index.js';
import { affineOf } from './affine.js';
import { fuseIntoFollowing } from './fuse-into-following.js';
import { fuseIntoPreceding } from './fuse-into-preceding.js';

export const fuseBatchnorm = definePass({
  name: 'fuse-batchnorm',
  kind: 'cleanup',
  summary: 'Folds BatchNormalization into the weights of the neighbouring Conv, ConvTranspose, Gemm or MatMul.',
  options: z.strictObject(selectionOptions),
  needs: [],
  run(_model, _options, { targets, record }) {
    for (const node of targets('BatchNormalization')) {
      const affine = affineOf(node);
      if (typeof affine === 'string') {
        record.skipped(node, affine);
        continue;
      }
      const before = fuseIntoPreceding(node, affine);
      const after = before === null ? null : fuseIntoFollowing(node, affine);
      if (before !== null && after !== null) record.skipped(node, `${before}; ${after}`);
      else record.changed(node, `folded into the ${before === null ? 'preceding' : 'following'} operator`);
    }
  },
});
