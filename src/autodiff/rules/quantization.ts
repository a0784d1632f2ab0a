// Straight-through gradients of QuantizeLinear, DynamicQuantizeLinear and DequantizeLinear (Bengio et al. 2013), with those of the scale (LSQ, Esser et al.
// 2020). The "gradient" of the integer in between is that of the number it stands for.
import type { Value } from '../../ir/index.js';
import type { GraphBuilder } from '../graph-builder.js';
import { type GradientContext, type NodeFacts, type RuleTable, resolveAxis } from '../rule.js';

const ranges: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int4: [-8, 7],
  uint4: [0, 15],
  int2: [-2, 1],
  uint2: [0, 3],
};

export const quantizationRules: RuleTable = {
  QuantizeLinear: {
    obstacle: (facts) => blockObstacle(facts) ?? rangeObstacle(facts),
    gradients: (context) => {
      const { builder: b, upstream, input, wants, shapeOf } = context;
      const limits = fixedLimits(context);
      // What is left by clipping was within the range.
      if (limits) {
        const within = b.binary('Equal', input(0), b.clip(input(0), ...limits));
        return [b.where(within, upstream, b.scalar(0))];
      }
      const scale = alongAxis(context, input(1));
      const ratio = b.div(input(0), scale);
      const [low, high] = ranges[zeroPointType(context)];
      const zeroPoint = context.node.input(2);
      // What rounds to a number within the range; the zero point shifts it.
      const shifted = zeroPoint ? b.add(ratio, alongAxis(context, b.cast(zeroPoint, 'float32'))) : ratio;
      const inside = b.binary(
        'And',
        b.binary('GreaterOrEqual', shifted, b.scalar(low - 0.5)),
        b.binary('LessOrEqual', shifted, b.scalar(high + 0.5)),
      );
      const passed = b.where(inside, upstream, b.scalar(0));
      return [
        passed,
        wants(1) ? b.reshape(b.sumTo(b.neg(b.mul(passed, ratio)), b.shapeOf(scale)), shapeOf(input(1))) : null,
      ];
    },
  },
  // Its scale and zero point follow the input, so nothing is cut off; what they lose or win by that is rounding.
  DynamicQuantizeLinear: { gradients: ({ gradient }) => [gradient(0)] },
  DequantizeLinear: {
    obstacle: blockObstacle,
    gradients: (context) => {
      const { builder: b, node, upstream, input, wants, shapeOf } = context;
      if (!wants(1)) return [upstream];
      const scale = alongAxis(context, input(1));
      const quotient = b.div(node.output, scale);
      return [upstream, b.reshape(b.sumTo(b.mul(upstream, quotient), b.shapeOf(scale)), shapeOf(input(1)))];
    },
  },
};

/** The numbers of the input between which nothing is cut off, where one constant scale says so and is not trained. */
function fixedLimits(context: GradientContext): readonly [number, number] | null {
  const [scale, zeroPoint] = [context.constant(1), context.node.input(2) ? context.constant(2) : null];
  if (context.wants(1) || scale?.dataType !== 'float32' || scale.size !== 1) return null;
  if (context.node.input(2) && !zeroPoint) return null;
  const type = zeroPointType(context);
  if (!/^u?int(8|16)$/.test(type)) return null;
  const [offset] = zeroPoint?.readNumbers() ?? [0];
  const [step] = scale.readFloat32();
  const [low, high] = ranges[type];
  return [(low - 0.5 - offset) * step, (high + 0.5 - offset) * step];
}

/** A scale per channel, with its axis among others of length 1. */
function alongAxis({ builder: b, node, input, shapeOf }: GradientContext, value: Value): Value {
  const shape = shapeOf(input(0));
  const own = b.shapeOf(value);
  if (own.length === 0 || (own.length === 1 && own[0] === 1)) return b.reshape(value, []);
  const axis = resolveAxis(node.attributes.int('axis', 1), shape.length);
  return reshapeToAxis(b, value, shape.length, axis);
}

function reshapeToAxis(b: GraphBuilder, value: Value, rank: number, axis: number): Value {
  const [length] = b.shapeOf(value);
  return b.reshape(
    value,
    Array.from({ length: rank }, (_, i) => (i === axis ? length : 1)),
  );
}

function blockObstacle({ node, shapeOf }: NodeFacts): string | null {
  const scale = node.input(1);
  return scale && shapeOf(scale).length > 1 ? 'it is quantized in blocks' : null;
}

function zeroPointType({ node, constant }: NodeFacts): string {
  const type = node.input(2)?.type;
  return constant(2)?.dataType ?? (type?.kind === 'tensor' ? type.dataType : 'uint8');
}

function rangeObstacle(facts: NodeFacts): string | null {
  const type = zeroPointType(facts);
  return type in ranges ? null : `values of ${type} are not known here`;
}
