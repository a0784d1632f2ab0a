// What each step of a training is fed: batches in an order that depends on seed and epoch alone, varied, with what the teacher computes for them.
import { usageError } from '../../errors.js';
import type { Random } from '../../numeric/index.js';
import { int64Tensor } from '../../tensor/index.js';
import type { BatchTensors } from '../graphs/step-sessions.js';
import type { TrainingOptions } from '../options.js';
import { type Augmentation, augment } from './augment.js';
import type { Batch, Examples } from './examples.js';
import type { Teacher } from './teacher.js';

export interface StepInputs {
  /** One for each batch whose gradients make the step. */
  readonly batches: readonly BatchTensors[];
  /** Examples in all of them. */
  readonly count: number;
}

export interface HeldOutBatch {
  readonly count: number;
  readonly tensors: BatchTensors;
}

interface Sources {
  readonly examples: Examples;
  readonly options: TrainingOptions;
  /** Batches have exactly so many examples; null: up to the size of the options. */
  readonly fixed: number | null;
  readonly teaching: Teacher | null;
  readonly kinds: ReadonlySet<Augmentation>;
  /** Prepare the next step while this one is computed: worth it where something else than the teacher's engine computes it. */
  readonly ahead: boolean;
}

export class BatchStream {
  private readonly sources: Sources;
  private kept: readonly HeldOutBatch[] | null = null;
  /** Whether `heldOut` gave examples that are trained on. */
  judgesItself = false;

  constructor(sources: Sources) {
    this.sources = sources;
  }

  /** The inputs of the steps `from`, `from + 1`, … `total - 1`. Throws USAGE where there are too few examples for one batch. */
  async *steps(from: number, total: number, random: Random): AsyncGenerator<StepInputs> {
    let next: Promise<StepInputs> | null = null;
    try {
      for (const { step, group } of this.groups(from, total, random)) {
        const current = next;
        next = this.prepare(step, group, random);
        // A failure is met where the step is awaited.
        next.catch(() => undefined);
        if (current) yield await current;
        if (this.sources.ahead) continue;
        const inputs: StepInputs = await next;
        next = null;
        yield inputs;
      }
      if (next) yield await next;
    } finally {
      // The teacher may be computing still when its session is closed.
      await next?.catch(() => undefined);
    }
  }

  /** `random` varies the batch; null: as it is. */
  async tensors(batch: Batch, random: Random | null): Promise<BatchTensors> {
    const { kinds, teaching } = this.sources;
    const { sample } = batch;
    const feeds =
      random && kinds.size > 0 ? augment(sample.feeds, { kinds, maskToken: this.maskToken }, random) : sample.feeds;
    const teacher = teaching ? await teaching.outputs({ ...batch, sample: { ...sample, feeds } }) : {};
    const { targets } = sample;
    const labels = targets?.kind === 'classes' ? int64Tensor([targets.values.length], [...targets.values]) : null;
    return { feeds, teacher, labels };
  }

  /**
   * Held-out examples in batches that the model takes, varied as those that are trained on, the same way each time; where there are none, examples that are
   * trained on judge, which tells at least what got far worse.
   */
  async heldOut(random: Random): Promise<readonly HeldOutBatch[]> {
    if (this.kept) return this.kept;
    const { examples } = this.sources;
    const kept = await this.batchesOf(examples.heldOut, random);
    this.judgesItself = kept.length === 0 && examples.ownJudges.length > 0;
    this.kept = this.judgesItself ? await this.batchesOf(examples.ownJudges, random) : kept;
    return this.kept;
  }

  private async batchesOf(indices: readonly number[], random: Random): Promise<HeldOutBatch[]> {
    const { examples, options, fixed } = this.sources;
    const batches: HeldOutBatch[] = [];
    for (const batch of examples.batches(indices, options.batch, null)) {
      if (fixed !== null && batch.indices.length !== fixed) continue;
      const tensors = await this.tensors(batch, random.fork(`held out ${batches.length}`));
      batches.push({ count: batch.indices.length, tensors });
    }
    return batches;
  }

  private get maskToken(): bigint | null {
    const { options, examples } = this.sources;
    const token = options.maskToken ?? examples.maskToken;
    return token === null ? null : BigInt(token);
  }

  private async prepare(step: number, group: readonly Batch[], random: Random): Promise<StepInputs> {
    const batches: BatchTensors[] = [];
    for (const [index, batch] of group.entries()) {
      batches.push(await this.tensors(batch, random.fork(`step ${step} ${index}`)));
    }
    return { batches, count: group.reduce((sum, { indices }) => sum + indices.length, 0) };
  }

  private *groups(from: number, total: number, random: Random) {
    const { examples, options, fixed } = this.sources;
    let step = 0;
    for (let epoch = 0; step < total; epoch++) {
      const before = step;
      let group: Batch[] = [];
      for (const batch of examples.batches(examples.training, options.batch, random.fork(`epoch ${epoch}`))) {
        if (fixed !== null && batch.indices.length !== fixed) continue;
        group.push(batch);
        if (group.length < options.accumulate) continue;
        if (step >= from) yield { step, group };
        step++;
        if (step >= total) return;
        group = [];
      }
      if (group.length > 0) {
        if (step >= from) yield { step, group };
        step++;
      }
      if (step === before) throw usageError(`There are fewer examples than the ${fixed} that the model takes at once`);
    }
  }
}
