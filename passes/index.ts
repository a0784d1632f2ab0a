// The passes that come with dsopt: the only list. A new pass is added here and nowhere else.
import type { Pass } from '../src/pass/index.js';
import { adaround } from './adaround/index.js';
import { biasCorrection } from './bias-correction/index.js';
import { clipWeights } from './clip-weights/index.js';
import { convertFloats } from './convert-floats/index.js';
import { decompose } from './decompose/index.js';
import { deduplicateInitializers } from './deduplicate-initializers/index.js';
import { distill } from './distill/index.js';
import { eliminateDead } from './eliminate-dead/index.js';
import { eliminateIdentity } from './eliminate-identity/index.js';
import { equalize } from './equalize/index.js';
import { foldConstants } from './fold-constants/index.js';
import { fuseBatchnorm } from './fuse-batchnorm/index.js';
import { heal } from './heal/index.js';
import { joinProducts } from './join-products/index.js';
import { lowRank } from './low-rank/index.js';
import { pruneChannels } from './prune-channels/index.js';
import { pruneHeads } from './prune-heads/index.js';
import { pruneLayers } from './prune-layers/index.js';
import { pruneNeurons } from './prune-neurons/index.js';
import { pruneVocabulary } from './prune-vocabulary/index.js';
import { pruneWeights } from './prune-weights/index.js';
import { quantizeDynamic } from './quantize-dynamic/index.js';
import { quantizeStatic } from './quantize-static/index.js';
import { quantizeWeights } from './quantize-weights/index.js';
import { reconstruct } from './reconstruct/index.js';
import { shareBasis } from './share-basis/index.js';
import { simplifyReshapes } from './simplify-reshapes/index.js';
import { smoothquant } from './smoothquant/index.js';
import { spatial } from './spatial/index.js';
import { stripDocumentation } from './strip-documentation/index.js';
import { tucker } from './tucker/index.js';
import { unpackConstants } from './unpack-constants/index.js';

export const builtinPasses = [
  unpackConstants,
  foldConstants,
  simplifyReshapes,
  eliminateIdentity,
  fuseBatchnorm,
  deduplicateInitializers,
  eliminateDead,
  decompose,
  lowRank,
  tucker,
  spatial,
  distill,
  heal,
  pruneChannels,
  pruneLayers,
  pruneHeads,
  pruneNeurons,
  pruneVocabulary,
  reconstruct,
  shareBasis,
  pruneWeights,
  equalize,
  smoothquant,
  clipWeights,
  adaround,
  quantizeDynamic,
  quantizeWeights,
  joinProducts,
  convertFloats,
  quantizeStatic,
  biasCorrection,
  stripDocumentation,
] as const satisfies readonly Pass[];
