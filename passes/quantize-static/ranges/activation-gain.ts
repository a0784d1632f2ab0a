// How much of an error is left behind the activation that takes a value: the squared slope of LeakyRelu, Sigmoid, Tanh, HardSwish, SiLU
// and GELU. What lies far below zero hardly counts then, and leaves its levels to the rest.
import type { Gain } from '../../../src/calibration/index.js';
import type { Value } from '../../../src/ir/index.js';
import { wholeActivation } from '../plan/whole-activation.js';

type Slope = (x: number) => number;

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** No value is free: what is not counted at all could lie anywhere. */
const leastGain = 1e-4;

/** null where something else takes the value too, or every error counts alike. */
export function gainOf(value: Value): Gain | null {
  const slope = value.isGraphOutput ? null : slopeBehind(value);
  return slope && ((x) => Math.max(slope(x) ** 2, leastGain));
}

function slopeBehind(value: Value): Slope | null {
  const whole = wholeActivation(value);
  if (whole) return whole.kind === 'silu' ? siluSlope : geluSlope;
  const [node, ...more] = value.consumers();
  if (!node || more.length > 0) return null;
  switch (node.qualifiedType) {
    case 'LeakyRelu': {
      const slope = node.attributes.float('alpha', 0.01);
      return (x) => (x < 0 ? slope : 1);
    }
    case 'Sigmoid':
      return (x) => logistic(x) * (1 - logistic(x));
    case 'Tanh':
      return (x) => 1 - Math.tanh(x) ** 2;
    case 'HardSwish':
      return (x) => (x < -3 ? 0 : x > 3 ? 1 : (2 * x + 3) / 6);
    default:
      return null;
  }
}

const siluSlope: Slope = (x) => logistic(x) * (1 + x * (1 - logistic(x)));

/** That of x · Sigmoid(1.702 x), which GELU is to two digits (Hendrycks and Gimpel 2016). */
const geluSlope: Slope = (x) => siluSlope(1.702 * x);
