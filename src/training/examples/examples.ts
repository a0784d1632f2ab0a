// What is trained on: examples in memory, in a new order each epoch, joined into batches of few different shapes.
import { type Dataset, joinSamples, type Padding, type Sample } from '../../data/index.js';
import { usageError } from '../../errors.js';
import type { Random } from '../../numeric/index.js';
import type { Tensor } from '../../tensor/index.js';

/** Rows of texts are padded to a multiple of this, so that few shapes occur. */
const rowMultiple = 16;
const mostHeldOut = 512;
/** Fewer are not worth holding out. */
const leastHeldOut = 16;
/** So many of those that are trained on judge weights where none are held out. */
const mostOwnJudges = 64;

export interface Batch {
  /** Which examples, by their numbers. */
  readonly indices: readonly number[];
  readonly sample: Sample;
}

/** What their data says of itself. */
type ExampleFacts = Partial<Pick<Dataset, 'maskToken' | 'kind'>>;

export class Examples {
  readonly training: readonly number[];
  readonly heldOut: readonly number[];
  /** Which are trained on and judge weights all the same: where some were to be held out, and there are too few. */
  readonly ownJudges: readonly number[];
  /** What the tokenizer of the data writes for hidden words. */
  readonly maskToken: number | null;
  /** Pictures in colour, which say the same mirrored and shifted. */
  readonly areImages: boolean;
  private readonly samples: readonly Sample[];
  private readonly padding: Padding;
  private readonly longest: number;

  /** `samples`: one example each. Every `1 / holdout`-th is held out. */
  constructor(samples: readonly Sample[], padding: Padding, holdout: number, facts: ExampleFacts = {}) {
    this.maskToken = facts.maskToken ?? null;
    this.areImages = facts.kind === 'images' && Object.values(samples[0]?.feeds ?? {}).some(isColour);
    if (samples.length === 0) throw usageError('There are no examples to train on');
    this.samples = samples;
    this.padding = padding;
    this.longest = Math.max(...samples.map((sample) => this.rowLength(sample)));
    const wanted = Math.min(mostHeldOut, Math.floor(samples.length * holdout));
    const all = [...samples.keys()];
    const every = wanted >= leastHeldOut ? Math.floor(samples.length / wanted) : 0;
    const isHeldOut = (index: number): boolean => every > 0 && index % every === every - 1 && index < every * wanted;
    this.heldOut = all.filter(isHeldOut);
    this.training = all.filter((index) => !isHeldOut(index));
    const step = Math.max(1, Math.floor(all.length / mostOwnJudges));
    this.ownJudges = holdout > 0 ? all.filter((index) => index % step === 0).slice(0, mostOwnJudges) : [];
  }

  /** In the order of their numbers. */
  all(): Iterable<Sample> {
    return this.samples;
  }

  /** Up to `count`, in the order of their numbers. */
  first(count: number): readonly Sample[] {
    return this.samples.slice(0, count);
  }

  /** Batches of up to `size` examples in random order; with `random` null in the order of the data. What remains makes smaller ones at the end. */
  *batches(indices: readonly number[], size: number, random: Random | null): Iterable<Batch> {
    const groups = new Map<string, number[]>();
    for (const index of random ? shuffled(indices, random) : indices) {
      const key = this.shapeKey(this.samples[index]);
      const group = [...(groups.get(key) ?? []), index];
      groups.set(key, group);
      if (group.length < size) continue;
      yield this.join(group);
      groups.delete(key);
    }
    if (!this.padding) {
      for (const group of groups.values()) yield this.join(group);
      return;
    }
    // Rests of texts fit together: they are padded to the longest of them.
    const rest = [...groups.values()].flat();
    for (let start = 0; start < rest.length; start += size) yield this.join(rest.slice(start, start + size));
  }

  /** A batch of `size` examples, the largest that there may be. */
  widest(size: number): Batch {
    const longest = this.training.toSorted((a, b) => this.rowLength(this.samples[b]) - this.rowLength(this.samples[a]));
    const key = this.shapeKey(this.samples[longest[0]]);
    const alike = longest.filter((index) => this.padding || this.shapeKey(this.samples[index]) === key);
    return this.join(alike.slice(0, size));
  }

  private join(indices: readonly number[]): Batch {
    const group = indices.map((index) => this.samples[index]);
    const longest = Math.max(...group.map((sample) => this.rowLength(sample)));
    const rows = Math.min(this.longest, Math.ceil(longest / rowMultiple) * rowMultiple);
    return { indices, sample: joinSamples(group, this.padding, this.padding ? rows : 0) };
  }

  /** Of the inputs that can be padded; 0 where there are none. */
  private rowLength({ feeds }: Sample): number {
    const lengths = Object.entries(feeds).flatMap(([name, { shape }]) =>
      this.padding && name in this.padding && shape.length === 2 ? [shape[1]] : [],
    );
    return Math.max(0, ...lengths);
  }

  private shapeKey(sample: Sample): string {
    if (!this.padding)
      return Object.values(sample.feeds)
        .map(({ shape }) => shape.join('x'))
        .join();
    return `${Math.ceil(this.rowLength(sample) / rowMultiple)}`;
  }
}

function isColour({ dataType, shape }: Tensor): boolean {
  return dataType === 'float32' && shape.length === 4 && shape[1] === 3;
}

function shuffled(indices: readonly number[], random: Random): number[] {
  const order = [...indices];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
