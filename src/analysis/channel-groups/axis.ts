// One axis of a tensor (or of an imagined one, such as the heads within fused projections) and its coordinates.

export interface Axis {
  /** What it belongs to, for messages: `relu_3 axis 1`. */
  readonly place: string;
  /** null where the length is only known at run time: such an axis has no coordinates and is never changed. */
  readonly length: number | null;
  /** Name of a length that is only known at run time: axes with the same name are equally long. */
  readonly symbol: string | null;
  /** Number of its first coordinate; −1 where there are none. */
  readonly first: number;
}

/** Longer axes (samples of a waveform, tables of words) are left alone. */
export const longestAxis = 1 << 17;
