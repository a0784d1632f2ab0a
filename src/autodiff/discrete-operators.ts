// Operators that give no floats, so that nothing flows back through them either.

/** Their outputs are positions, lengths or booleans, whatever comes in. */
export const discreteOperators: readonly string[] = [
  'ArgMax',
  'ArgMin',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'IsInf',
  'IsNaN',
  'Less',
  'LessOrEqual',
  'NonZero',
  'Not',
  'Shape',
  'Size',
];
