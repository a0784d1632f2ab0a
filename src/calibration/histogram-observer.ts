// Histograms of one tensor: of most samples, to fit its range to, and of the others, to see whether a range is as good as it looked.
import { internalError } from '../errors.js';
import { createRandom } from '../numeric/index.js';
import type { Tensor } from '../tensor/index.js';
import { type CacheEntry, hashOf } from './calibration-cache.js';
import { Split } from './held-out.js';
import type { KeptObserver } from './observe-cached.js';
import { type ChannelWeights, type Thinning, WideningHistogram } from './widening-histogram.js';

export interface HistogramOptions {
  /** What an element of each channel counts, and the axis of the channels (negative: from the end). Without: all count one. */
  readonly channels?: { readonly axis: number; readonly weights: Float64Array };
}

/** Of one sample; all samples together give more than bins can tell apart. */
const mostCounted = 1 << 15;

export class HistogramObserver implements KeptObserver {
  private readonly split = new Split(() => new WideningHistogram());
  private readonly channels: HistogramOptions['channels'];
  private readonly thinning: Thinning = { most: mostCounted, random: createRandom(0) };

  constructor({ channels }: HistogramOptions = {}) {
    this.channels = channels;
  }

  get fitted(): WideningHistogram {
    return this.split.fitted;
  }

  /** What `fitted` did not see; `fitted` itself where there were too few samples. */
  get held(): WideningHistogram {
    const { fitted, heldOut } = this.split;
    return heldOut.isEmpty ? fitted : heldOut;
  }

  observe(tensor: Tensor): void {
    this.split.next().add(tensor.readFloat32(), this.weightsIn(tensor.shape), this.thinning);
  }

  get keptBy(): string {
    const { channels } = this;
    return channels ? hashOf(`${channels.axis}`, new Uint8Array(channels.weights.slice().buffer)) : '';
  }

  state(): CacheEntry {
    return { ...this.fitted.state('fitted'), ...this.split.heldOut.state('heldOut') };
  }

  restore(state: CacheEntry): void {
    this.fitted.restore(state, 'fitted');
    this.split.heldOut.restore(state, 'heldOut');
  }

  private weightsIn(shape: readonly number[]): ChannelWeights | null {
    if (!this.channels) return null;
    const { weights } = this.channels;
    const axis = this.channels.axis < 0 ? this.channels.axis + shape.length : this.channels.axis;
    if (shape[axis] !== weights.length) {
      throw internalError(`A tensor [${shape}] does not have ${weights.length} channels along axis ${axis}`);
    }
    return { weights, inner: shape.slice(axis + 1).reduce((product, length) => product * length, 1) };
  }
}
