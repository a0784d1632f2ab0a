// Arithmetic of weights in blocks, in AssemblyScript (TypeScript's syntax, WebAssembly's types): sixteen lanes side by side, each lane one
// block. A panel holds a block in each of its 16 columns: element r of lane l at 16·r + l. `compile.mjs` makes kernels-binary.ts of this file.

/** float32 [256, 16]: the blocks at hand. */
const panel: usize = memory.data(256 * 16 * 4, 16);
/** int8 [256, 16]: their integers. */
const integers: usize = memory.data(256 * 16, 16);
/** What was found of each lane: float32 [16]. */
const laneLow: usize = memory.data(64, 16);
const laneHigh: usize = memory.data(64, 16);
const laneScale: usize = memory.data(64, 16);
const laneZero: usize = memory.data(64, 16);
const laneMultiplier: usize = memory.data(64, 16);
/** Candidates, and the errors they make. */
const triedScale: usize = memory.data(64, 16);
const triedZero: usize = memory.data(64, 16);
const triedError: usize = memory.data(64, 16);
const leastError: usize = memory.data(64, 16);

/** Where free memory begins. */
export function heapBase(): usize {
  return __heap_base;
}

// ---- extremes

/**
 * Extends low and high, float32 [columns], by the rows at `values`, [rows, columns]. Returns the bits of the largest magnitude, of which
 * 0x7f800000 and above mean values that are not finite. Writes up to 3 elements beyond.
 */
export function columnExtremes(values: usize, rows: i32, columns: i32, low: usize, high: usize): i32 {
  let magnitude = i32x4.splat(0);
  const mask = i32x4.splat(0x7fffffff);
  // What lies beyond the last row is in lanes that nobody reads, and must be no cause for alarm.
  memory.fill(values + ((<usize>rows * <usize>columns) << 2), 0, 12);
  for (let row = 0; row < rows; row++) {
    const from = values + ((<usize>row * <usize>columns) << 2);
    for (let column = 0; column < columns; column += 4) {
      const at = <usize>column << 2;
      const x = v128.load(from + at);
      v128.store(low + at, f32x4.pmin(v128.load(low + at), x));
      v128.store(high + at, f32x4.pmax(v128.load(high + at), x));
      magnitude = i32x4.max_u(magnitude, v128.and(x, mask));
    }
  }
  return largestLane(magnitude);
}

/** As `columnExtremes`, of `count` neighbours: one low, one high, in [-0, 0] to begin with. */
export function runExtremes(values: usize, count: i32, low: usize, high: usize): i32 {
  let magnitude = i32x4.splat(0);
  const mask = i32x4.splat(0x7fffffff);
  let lows = f32x4.splat(load<f32>(low));
  let highs = f32x4.splat(load<f32>(high));
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const x = v128.load(values + (<usize>i << 2));
    lows = f32x4.pmin(lows, x);
    highs = f32x4.pmax(highs, x);
    magnitude = i32x4.max_u(magnitude, v128.and(x, mask));
  }
  for (; i < count; i++) {
    const x = v128.load32_splat(values + (<usize>i << 2));
    lows = f32x4.pmin(lows, x);
    highs = f32x4.pmax(highs, x);
    magnitude = i32x4.max_u(magnitude, v128.and(x, mask));
  }
  store<f32>(low, min(min(f32x4.extract_lane(lows, 0), f32x4.extract_lane(lows, 1)), min(f32x4.extract_lane(lows, 2), f32x4.extract_lane(lows, 3))));
  store<f32>(high, max(max(f32x4.extract_lane(highs, 0), f32x4.extract_lane(highs, 1)), max(f32x4.extract_lane(highs, 2), f32x4.extract_lane(highs, 3))));
  return largestLane(magnitude);
}

function largestLane(x: v128): i32 {
  const a = max(<u32>i32x4.extract_lane(x, 0), <u32>i32x4.extract_lane(x, 1));
  const b = max(<u32>i32x4.extract_lane(x, 2), <u32>i32x4.extract_lane(x, 3));
  return <i32>max(a, b);
}

// ---- panels

/** Sixteen columns of [rows, stride] into the panel. */
function gatherColumns(from: usize, stride: i32, rows: i32): void {
  const step = <usize>stride << 2;
  for (let row = 0, at = panel; row < rows; row++, at += 64, from += step) {
    v128.store(at, v128.load(from));
    v128.store(at, v128.load(from, 16), 16);
    v128.store(at, v128.load(from, 32), 32);
    v128.store(at, v128.load(from, 48), 48);
  }
}

/** Sixteen runs of `rows` elements, `stride` apart, into the panel. */
function gatherRuns(from: usize, stride: i32, rows: i32): void {
  const step = <usize>stride << 2;
  for (let lane: usize = 0; lane < 64; lane += 16) {
    let a = from;
    let b = from + step;
    let c = b + step;
    let d = c + step;
    let at = panel + lane;
    let row = 0;
    for (; row + 4 <= rows; row += 4, at += 256, a += 16, b += 16, c += 16, d += 16) {
      const va = v128.load(a);
      const vb = v128.load(b);
      const vc = v128.load(c);
      const vd = v128.load(d);
      const ab0 = v128.shuffle<i32>(va, vb, 0, 4, 1, 5);
      const ab1 = v128.shuffle<i32>(va, vb, 2, 6, 3, 7);
      const cd0 = v128.shuffle<i32>(vc, vd, 0, 4, 1, 5);
      const cd1 = v128.shuffle<i32>(vc, vd, 2, 6, 3, 7);
      v128.store(at, v128.shuffle<i64>(ab0, cd0, 0, 2));
      v128.store(at, v128.shuffle<i64>(ab0, cd0, 1, 3), 64);
      v128.store(at, v128.shuffle<i64>(ab1, cd1, 0, 2), 128);
      v128.store(at, v128.shuffle<i64>(ab1, cd1, 1, 3), 192);
    }
    for (; row < rows; row++, at += 64, a += 4, b += 4, c += 4, d += 4) {
      store<f32>(at, load<f32>(a));
      store<f32>(at, load<f32>(b), 4);
      store<f32>(at, load<f32>(c), 8);
      store<f32>(at, load<f32>(d), 12);
    }
    from += step << 2;
  }
}

/** The integers of the panel to [rows, stride]; writes up to 15 bytes beyond its columns. */
function scatterColumns(to: usize, stride: i32, rows: i32): void {
  for (let row = 0, at = integers; row < rows; row++, at += 16, to += <usize>stride) v128.store(to, v128.load(at));
}

/** The integers of `lanes` lanes to runs of `rows` bytes, `stride` apart. */
function scatterRuns(to: usize, stride: i32, rows: i32, lanes: i32): void {
  for (let lane = 0; lane < lanes; lane++, to += <usize>stride) {
    for (let row = 0, at = integers + <usize>lane; row < rows; row++, at += 16) store<u8>(to + <usize>row, load<u8>(at));
  }
}

/** Low and high of each lane, 0 included. */
function laneExtremes(rows: i32): void {
  for (let quad: usize = 0; quad < 64; quad += 16) {
    let low = f32x4.splat(0);
    let high = f32x4.splat(0);
    for (let row = 0, at = panel + quad; row < rows; row++, at += 64) {
      const x = v128.load(at);
      low = f32x4.pmin(low, x);
      high = f32x4.pmax(high, x);
    }
    v128.store(laneLow + quad, low);
    v128.store(laneHigh + quad, high);
  }
}

/** Sum over the rows of (x · reciprocal - its rounding within bounds)², in the 4 lanes of a quad. */
function quadError(rows: i32, quad: usize, reciprocal: v128, lowest: v128, highest: v128): v128 {
  let even = f32x4.splat(0);
  let odd = f32x4.splat(0);
  let at = panel + quad;
  let row = 0;
  for (; row + 2 <= rows; row += 2, at += 128) {
    const x = f32x4.mul(v128.load(at), reciprocal);
    const y = f32x4.mul(v128.load(at, 64), reciprocal);
    const a = f32x4.sub(x, f32x4.pmax(lowest, f32x4.pmin(highest, f32x4.nearest(x))));
    const b = f32x4.sub(y, f32x4.pmax(lowest, f32x4.pmin(highest, f32x4.nearest(y))));
    even = f32x4.add(even, f32x4.mul(a, a));
    odd = f32x4.add(odd, f32x4.mul(b, b));
  }
  if (row < rows) {
    const x = f32x4.mul(v128.load(at), reciprocal);
    const a = f32x4.sub(x, f32x4.pmax(lowest, f32x4.pmin(highest, f32x4.nearest(x))));
    even = f32x4.add(even, f32x4.mul(a, a));
  }
  return f32x4.add(even, odd);
}

// ---- the sparse norm of HQQ (block-criterion.ts), Σ|e|^0.7

/** x^p, x ≥ 0, within 2e-5 of it: exponent and mantissa apart, polynomials between. 0 is as good as 2^-127. */
function power(x: v128, p: f32): v128 {
  const exponent = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(x, 23), i32x4.splat(127)));
  const m = v128.or(v128.and(x, i32x4.splat(0x007fffff)), i32x4.splat(0x3f800000));
  let logarithm = f32x4.splat(0.04392863);
  logarithm = f32x4.add(f32x4.mul(logarithm, m), f32x4.splat(-0.40947559));
  logarithm = f32x4.add(f32x4.mul(logarithm, m), f32x4.splat(1.61017755));
  logarithm = f32x4.add(f32x4.mul(logarithm, m), f32x4.splat(-3.52021884));
  logarithm = f32x4.add(f32x4.mul(logarithm, m), f32x4.splat(5.06975632));
  logarithm = f32x4.add(f32x4.mul(logarithm, m), f32x4.splat(-2.79415368));
  const y = f32x4.mul(f32x4.add(exponent, logarithm), f32x4.splat(p));
  const whole = f32x4.floor(y);
  const f = f32x4.sub(y, whole);
  let result = f32x4.splat(0.0135206);
  result = f32x4.add(f32x4.mul(result, f), f32x4.splat(0.05203743));
  result = f32x4.add(f32x4.mul(result, f), f32x4.splat(0.24142749));
  result = f32x4.add(f32x4.mul(result, f), f32x4.splat(0.69300662));
  result = f32x4.add(f32x4.mul(result, f), f32x4.splat(1.00000252));
  return i32x4.add(result, i32x4.shl(i32x4.trunc_sat_f32x4_s(whole), 23));
}

/** Sum over the rows of |x · reciprocal - its rounding within bounds|^0.7, in the 4 lanes of a quad. */
function quadSparse(rows: i32, quad: usize, reciprocal: v128, lowest: v128, highest: v128): v128 {
  let sum = f32x4.splat(0);
  for (let row = 0, at = panel + quad; row < rows; row++, at += 64) {
    const x = f32x4.mul(v128.load(at), reciprocal);
    const error = f32x4.sub(x, f32x4.pmax(lowest, f32x4.pmin(highest, f32x4.nearest(x))));
    sum = f32x4.add(sum, power(f32x4.abs(error), 0.7));
  }
  return sum;
}

/** What rounding the lanes of a quad to multiples of `step` costs: Σe², or Σ|e|^0.7 (`sparse`). */
function quadCost(rows: i32, quad: usize, step: v128, lowest: v128, highest: v128, sparse: bool): v128 {
  const reciprocal = f32x4.div(f32x4.splat(1), step);
  if (sparse) return f32x4.mul(quadSparse(rows, quad, reciprocal, lowest, highest), power(f32x4.abs(step), 0.7));
  return f32x4.mul(quadError(rows, quad, reciprocal, lowest, highest), f32x4.mul(step, step));
}

/** Steps of half-quadratic splitting at most, and the change of a step that ends it. */
const halfSteps = 20;
const settled: f32 = 2e-3;

/** 10^-1.3 and 1.01^-1.3: the penalty, 10 steps to begin with, grows by a hundredth; it counts by its power 2 - 0.7. */
const firstPenalty: f32 = 0.050118723;
const penaltyGrowth: f32 = 0.98714803;

/** Moves the scales of the lanes to what the sparse norm prefers for their integers, which follow, where that costs less. */
function improveScales(rows: i32, levels: f32): void {
  for (let quad: usize = 0; quad < 64; quad += 16) {
    const first = v128.load(laneScale + quad);
    const lowest = f32x4.neg(v128.load(laneZero + quad));
    const highest = f32x4.add(f32x4.splat(levels), lowest);
    const cost = quadCost(rows, quad, first, lowest, highest, true);
    let current = first;
    let moving = f32x4.eq(first, first);
    let threshold = f32x4.mul(power(f32x4.abs(first), 1.3), f32x4.splat(firstPenalty));
    for (let iteration = 0; iteration < halfSteps; iteration++) {
      const reciprocal = f32x4.div(f32x4.splat(1), current);
      let both = f32x4.splat(0);
      let squares = f32x4.splat(0);
      for (let row = 0, at = panel + quad; row < rows; row++, at += 64) {
        const x = v128.load(at);
        const level = f32x4.pmax(lowest, f32x4.pmin(highest, f32x4.nearest(f32x4.mul(x, reciprocal))));
        const error = f32x4.sub(x, f32x4.mul(current, level));
        const size = f32x4.abs(error);
        // What of the error is taken as an outlier, and left out: the proximal operator of |·|^p.
        const kept = f32x4.pmax(f32x4.splat(0), f32x4.sub(size, f32x4.mul(power(f32x4.add(size, f32x4.splat(1e-30)), -0.3), threshold)));
        const wanted = f32x4.sub(x, v128.or(kept, v128.and(error, i32x4.splat(0x80000000))));
        both = f32x4.add(both, f32x4.mul(level, wanted));
        squares = f32x4.add(squares, f32x4.mul(level, level));
      }
      const next = f32x4.div(both, squares);
      const change = f32x4.gt(f32x4.abs(f32x4.sub(next, current)), f32x4.mul(f32x4.splat(settled), f32x4.abs(current)));
      moving = v128.and(moving, v128.and(change, f32x4.gt(squares, f32x4.splat(0))));
      if (!v128.any_true(moving)) break;
      current = v128.bitselect(next, current, moving);
      threshold = f32x4.mul(threshold, f32x4.splat(penaltyGrowth));
    }
    const usable = f32x4.ge(f32x4.abs(current), f32x4.splat(<f32>smallestNormal));
    const step = v128.bitselect(current, first, usable);
    const better = f32x4.lt(quadCost(rows, quad, step, lowest, highest, true), cost);
    v128.store(laneScale + quad, v128.bitselect(step, first, better));
  }
}

/**
 * HQQ as its authors solve it: the scale of each lane that of its range, and zero points that are floats, moved to the mean that levels and outliers
 * ask for, as long as the mean error falls.
 */
function findFloatZeros(rows: i32, levels: f32): void {
  const top = f32x4.splat(levels);
  const nothing = f32x4.splat(0);
  const count = f32x4.splat(<f32>rows);
  for (let quad: usize = 0; quad < 64; quad += 16) {
    let low = v128.load(panel + quad);
    let high = low;
    for (let row = 0, at = panel + quad; row < rows; row++, at += 64) {
      const x = v128.load(at);
      low = f32x4.pmin(low, x);
      high = f32x4.pmax(high, x);
    }
    const width = f32x4.div(f32x4.sub(high, low), top);
    const scale = v128.bitselect(width, f32x4.splat(1), f32x4.ge(width, f32x4.splat(<f32>smallestNormal)));
    const reciprocal = f32x4.div(f32x4.splat(1), scale);
    let zero = f32x4.nearest(f32x4.neg(f32x4.mul(low, reciprocal)));
    // A block of one value is its zero point alone.
    zero = v128.bitselect(f32x4.neg(low), zero, f32x4.eq(low, high));
    let least = f32x4.splat(f32.MAX_VALUE);
    let moving = f32x4.lt(low, high);
    let threshold: f32 = 0.1;
    for (let iteration = 0; iteration < halfSteps; iteration++) {
      let zeros = nothing;
      let errors = nothing;
      for (let row = 0, at = panel + quad; row < rows; row++, at += 64) {
        const x = f32x4.mul(v128.load(at), reciprocal);
        const level = f32x4.pmax(nothing, f32x4.pmin(top, f32x4.nearest(f32x4.add(x, zero))));
        const error = f32x4.sub(x, f32x4.sub(level, zero));
        const size = f32x4.abs(error);
        const kept = f32x4.pmax(nothing, f32x4.sub(size, f32x4.mul(power(f32x4.add(size, f32x4.splat(1e-8)), -0.3), f32x4.splat(threshold))));
        const wanted = f32x4.sub(x, v128.or(kept, v128.and(error, i32x4.splat(0x80000000))));
        zeros = f32x4.add(zeros, f32x4.sub(level, wanted));
        errors = f32x4.add(errors, size);
      }
      zero = v128.bitselect(f32x4.div(zeros, count), zero, moving);
      moving = v128.and(moving, f32x4.lt(errors, least));
      least = errors;
      if (!v128.any_true(moving)) break;
      threshold /= 1.01;
    }
    v128.store(laneScale + quad, scale);
    v128.store(laneZero + quad, zero);
  }
}

// ---- packed: q · m · c (packed-multiplier.ts)

/** The multiplier of each lane, whose channels have the scales at `scales`; `tries` 0 rounds so that nothing is cut off. */
function selectMultipliers(rows: i32, scales: usize, least: f32, most: f32, tries: i32, sparse: bool): void {
  laneExtremes(rows);
  const one = f32x4.splat(1);
  const eight = f32x4.splat(8);
  const seven = f32x4.splat(7);
  const slack = f32x4.splat(2e-6);
  const lowest = f32x4.splat(least);
  const highest = f32x4.splat(most);
  for (let quad: usize = 0; quad < 64; quad += 16) {
    const scale = v128.load(scales + quad);
    const low = f32x4.neg(v128.load(laneLow + quad));
    const high = v128.load(laneHigh + quad);
    const longSide = f32x4.mul(f32x4.neg(lowest), scale);
    const shortSide = f32x4.mul(highest, scale);
    // The multipliers of either sign with which the block just fits; a hair may be cut off, which rounding the scale left over.
    const positive = f32x4.pmax(one, f32x4.ceil(f32x4.sub(f32x4.pmax(f32x4.div(low, longSide), f32x4.div(high, shortSide)), slack)));
    const negative = f32x4.pmax(one, f32x4.ceil(f32x4.sub(f32x4.pmax(f32x4.div(high, longSide), f32x4.div(low, shortSide)), slack)));
    const upwards = f32x4.pmin(seven, positive);
    const downwards = f32x4.pmin(eight, negative);
    if (tries == 0) {
      const fits = v128.or(f32x4.le(positive, seven), f32x4.le(f32x4.mul(positive, eight), f32x4.mul(negative, seven)));
      const up = v128.and(fits, f32x4.le(positive, negative));
      v128.store(laneMultiplier + quad, v128.bitselect(upwards, f32x4.neg(downwards), up));
      continue;
    }
    let best = upwards;
    let leastCost = f32x4.splat(f32.MAX_VALUE);
    for (let side = 0; side < 2; side++) {
      const first = side == 0 ? upwards : downwards;
      const sign = f32x4.splat(side == 0 ? 1 : -1);
      for (let tried = 0; tried < tries; tried++) {
        const size = f32x4.sub(first, f32x4.splat(<f32>tried));
        const isMultiplier = f32x4.ge(size, one);
        if (!v128.any_true(isMultiplier)) break;
        const multiplier = f32x4.mul(f32x4.pmax(one, size), sign);
        const step = f32x4.mul(multiplier, scale);
        const error = quadCost(rows, quad, step, lowest, highest, sparse);
        const better = v128.and(isMultiplier, f32x4.lt(error, leastCost));
        leastCost = v128.bitselect(error, leastCost, better);
        best = v128.bitselect(multiplier, best, better);
      }
    }
    v128.store(laneMultiplier + quad, best);
  }
}

/** The integers of the panel, by the multipliers of its lanes. */
function roundPacked(rows: i32, scales: usize, least: f32, most: f32): void {
  const lowest = f32x4.splat(least);
  const highest = f32x4.splat(most);
  const one = f32x4.splat(1);
  const r0 = f32x4.div(one, f32x4.mul(v128.load(laneMultiplier), v128.load(scales)));
  const r1 = f32x4.div(one, f32x4.mul(v128.load(laneMultiplier, 16), v128.load(scales, 16)));
  const r2 = f32x4.div(one, f32x4.mul(v128.load(laneMultiplier, 32), v128.load(scales, 32)));
  const r3 = f32x4.div(one, f32x4.mul(v128.load(laneMultiplier, 48), v128.load(scales, 48)));
  for (let row = 0, at = panel, to = integers; row < rows; row++, at += 64, to += 16) {
    const a = rounded(v128.load(at), r0, lowest, highest);
    const b = rounded(v128.load(at, 16), r1, lowest, highest);
    const c = rounded(v128.load(at, 32), r2, lowest, highest);
    const d = rounded(v128.load(at, 48), r3, lowest, highest);
    v128.store(to, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
  }
}

function rounded(x: v128, reciprocal: v128, lowest: v128, highest: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.pmax(lowest, f32x4.pmin(highest, f32x4.nearest(f32x4.mul(x, reciprocal)))));
}

function storeMultipliers(to: usize): void {
  const a = i32x4.trunc_sat_f32x4_s(v128.load(laneMultiplier));
  const b = i32x4.trunc_sat_f32x4_s(v128.load(laneMultiplier, 16));
  const c = i32x4.trunc_sat_f32x4_s(v128.load(laneMultiplier, 32));
  const d = i32x4.trunc_sat_f32x4_s(v128.load(laneMultiplier, 48));
  v128.store(to, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
}

function loadMultipliers(from: usize): void {
  const x = v128.load(from);
  const low = i16x8.extend_low_i8x16_s(x);
  const high = i16x8.extend_high_i8x16_s(x);
  v128.store(laneMultiplier, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)));
  v128.store(laneMultiplier, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), 16);
  v128.store(laneMultiplier, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), 32);
  v128.store(laneMultiplier, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), 48);
}

/**
 * Blocks along the first axis of `values`, [blocks · rows, columns]: writes their multipliers, int8 [blocks, columns], to `multipliers`
 * (`select`) or takes them from there, and writes their integers, int8 [blocks · rows, columns], to `output` where that is not 0. Both
 * need 16 bytes more. @param scales float32 [columns] @param lowest of the levels
 * @param sparse errors count by |e|^0.7, not by e²
 */
export function packColumns(
  values: usize,
  blocks: i32,
  rows: i32,
  columns: i32,
  scales: usize,
  lowest: f32,
  highest: f32,
  select: bool,
  tries: i32,
  sparse: bool,
  multipliers: usize,
  output: usize,
): void {
  const tail = columns & 15;
  const last = columns - tail;
  for (let block = 0; block < blocks; block++) {
    const first = <usize>block * <usize>rows * <usize>columns;
    const found = multipliers + <usize>block * <usize>columns;
    // The columns that fill no panel go first: what they write beyond their end is written again by those at the beginning of the next row.
    let column = tail > 0 ? last : 0;
    for (let done = 0; done < columns; ) {
      const at = <usize>column;
      gatherColumns(values + ((first + at) << 2), columns, rows);
      if (select) {
        selectMultipliers(rows, scales + (at << 2), lowest, highest, tries, sparse);
        storeMultipliers(found + at);
      } else loadMultipliers(found + at);
      if (output != 0) {
        roundPacked(rows, scales + (at << 2), lowest, highest);
        scatterColumns(output + first + at, columns, rows);
      }
      done += column == last ? tail : 16;
      column = column == last && tail > 0 ? 0 : column + 16;
    }
  }
}

/** As `packColumns`, of blocks that lie one behind the other: values [blocks, rows], a multiplier and a scale for each. */
export function packRuns(
  values: usize,
  blocks: i32,
  rows: i32,
  scales: usize,
  lowest: f32,
  highest: f32,
  select: bool,
  tries: i32,
  sparse: bool,
  multipliers: usize,
  output: usize,
): void {
  for (let block = 0; block < blocks; block += 16) {
    const first = <usize>block * <usize>rows;
    const at = scales + (<usize>block << 2);
    gatherRuns(values + (first << 2), rows, rows);
    if (select) {
      selectMultipliers(rows, at, lowest, highest, tries, sparse);
      storeMultipliers(multipliers + <usize>block);
    } else loadMultipliers(multipliers + <usize>block);
    if (output != 0) {
      roundPacked(rows, at, lowest, highest);
      scatterRuns(output + first, rows, rows, min(16, blocks - block));
    }
  }
}

// ---- blocks with a scale and a zero point each: (q - zero) · scale (block-parameters.ts)

const smallestNormal: f64 = 1.1754943508222875e-38;

function zeroPointOf(low: f64, scale: f64, levels: f64): f64 {
  return min(max(floor(-low / scale + 0.5), 0), levels);
}

/**
 * Scale and zero point of each lane: of the shares of the range that are tried, float64 [tries], the one of the least squared error; where the sparse norm
 * counts, its solver goes on from there.
 */
function findParameters(rows: i32, levels: f64, symmetric: bool, shares: usize, tries: i32, sparse: bool): void {
  laneExtremes(rows);
  const middle = (levels + 1) / 2;
  for (let lane: usize = 0; lane < 64; lane += 4) {
    const low = <f64>load<f32>(laneLow + lane);
    const high = <f64>load<f32>(laneHigh + lane);
    const extreme = high > -low ? high : low;
    const width = <f32>(symmetric ? -extreme / middle : (high - low) / levels);
    const scale: f32 = <f64>abs(width) < smallestNormal ? 1 : width;
    store<f32>(laneScale + lane, scale);
    store<f32>(laneZero + lane, <f32>(symmetric ? middle : zeroPointOf(low, scale, levels)));
    // Lanes of zeros have nothing to search for.
    store<f32>(leastError + lane, scale == width ? f32.MAX_VALUE : -1);
  }
  if (tries == 0) return;
  memory.copy(triedZero, laneZero, 64);
  const fullScale = laneMultiplier;
  memory.copy(fullScale, laneScale, 64);
  const top = f32x4.splat(<f32>levels);
  for (let tried = 0; tried < tries; tried++) {
    const share = <f64>load<f64>(shares + (<usize>tried << 3));
    for (let sign: f64 = 1; sign >= (symmetric ? -1 : 1); sign -= 2) {
      for (let lane: usize = 0; lane < 64; lane += 4) {
        const scale = <f32>(<f64>load<f32>(fullScale + lane) * share * sign);
        store<f32>(triedScale + lane, scale);
        if (!symmetric) store<f32>(triedZero + lane, <f32>zeroPointOf(<f64>load<f32>(laneLow + lane) * share, scale, levels));
      }
      for (let quad: usize = 0; quad < 64; quad += 16) {
        const scale = v128.load(triedScale + quad);
        const zero = v128.load(triedZero + quad);
        const error = quadCost(rows, quad, scale, f32x4.neg(zero), f32x4.sub(top, zero), false);
        const better = f32x4.lt(error, v128.load(leastError + quad));
        v128.store(leastError + quad, v128.bitselect(error, v128.load(leastError + quad), better));
        v128.store(laneScale + quad, v128.bitselect(scale, v128.load(laneScale + quad), better));
        v128.store(laneZero + quad, v128.bitselect(zero, v128.load(laneZero + quad), better));
      }
    }
  }
  if (sparse) improveScales(rows, <f32>levels);
}

/**
 * The integers of the panel, round half to even in float32 as QuantizeLinear does, less `shift`; zero points that are no integers (`fractional`) are added
 * before.
 */
function roundBlocks(rows: i32, levels: f32, shift: f32, fractional: bool): void {
  const top = f32x4.splat(levels);
  const less = f32x4.splat(shift);
  for (let quad: usize = 0; quad < 16; quad += 4) {
    const scale = v128.load(laneScale + (quad << 2));
    const zero = v128.load(laneZero + (quad << 2));
    for (let row = 0, at = panel + (quad << 2), to = integers + quad; row < rows; row++, at += 64, to += 16) {
      const x = f32x4.div(v128.load(at), scale);
      const q = fractional ? f32x4.nearest(f32x4.add(x, zero)) : f32x4.add(f32x4.nearest(x), zero);
      const bounded = i32x4.trunc_sat_f32x4_s(f32x4.sub(f32x4.pmax(f32x4.splat(0), f32x4.pmin(top, q)), less));
      // The low bytes of the four lanes.
      v128.store32_lane(to, v128.shuffle<i8>(bounded, bounded, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12), 0);
    }
  }
}

function storeFloats(from: usize, to: usize): void {
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
  v128.store(to, v128.load(from, 32), 32);
  v128.store(to, v128.load(from, 48), 48);
}

function storeBytes(from: usize, to: usize): void {
  for (let lane: usize = 0; lane < 16; lane++) store<u8>(to + lane, <u8>load<f32>(from + (lane << 2)));
}

/**
 * Sixteen blocks, columns of [rows, stride] or (`runs`) runs of `rows` elements `stride` apart, into the panel, and their parameters:
 * scales, float32 [16], and zero points, uint8 [16]. @param shares float64 [tries]
 */
export function blockParameters(
  values: usize,
  stride: i32,
  rows: i32,
  runs: bool,
  levels: f64,
  symmetric: bool,
  shares: usize,
  tries: i32,
  sparse: bool,
  scales: usize,
  zeros: usize,
): void {
  if (runs) gatherRuns(values, stride, rows);
  else gatherColumns(values, stride, rows);
  findParameters(rows, levels, symmetric, shares, tries, sparse);
  storeFloats(laneScale, scales);
  storeBytes(laneZero, zeros);
}

/** As `blockParameters`, with zero points that are floats: float32 [16]. */
export function floatZeroParameters(values: usize, stride: i32, rows: i32, runs: bool, levels: f32, scales: usize, zeros: usize): void {
  if (runs) gatherRuns(values, stride, rows);
  else gatherColumns(values, stride, rows);
  findFloatZeros(rows, levels);
  storeFloats(laneScale, scales);
  storeFloats(laneZero, zeros);
}

/** Sixteen blocks into the panel, and the parameters that are known of them: scales and zero points, float32 [16] each. */
export function takeParameters(values: usize, stride: i32, rows: i32, runs: bool, scales: usize, zeros: usize): void {
  if (runs) gatherRuns(values, stride, rows);
  else gatherColumns(values, stride, rows);
  storeFloats(scales, laneScale);
  storeFloats(zeros, laneZero);
}

/** The integers of the panel whose parameters were found last, to runs (`runs`) or columns `stride` bytes apart, in `lanes` lanes. */
export function blockIntegers(
  output: usize,
  stride: i32,
  rows: i32,
  runs: bool,
  lanes: i32,
  levels: f32,
  shift: f32,
  fractional: bool,
): void {
  roundBlocks(rows, levels, shift, fractional);
  if (runs) scatterRuns(output, stride, rows, lanes);
  else scatterColumns(output, stride, rows);
}

// ---- storage

/** The low halves of `count` bytes, two to a byte; in place where both are the same. `count` is even. */
export function packNibbles(values: usize, count: i32, output: usize): void {
  const low = i16x8.splat(0x000f);
  const high = i16x8.splat(0x00f0);
  let i = 0;
  for (; i + 32 <= count; i += 32) {
    const a = v128.load(values + <usize>i);
    const b = v128.load(values + <usize>i, 16);
    const x = v128.or(v128.and(a, low), v128.and(i16x8.shr_u(a, 4), high));
    const y = v128.or(v128.and(b, low), v128.and(i16x8.shr_u(b, 4), high));
    v128.store(output + <usize>(i >> 1), i8x16.narrow_i16x8_u(x, y));
  }
  for (; i < count; i += 2) {
    store<u8>(output + <usize>(i >> 1), (load<u8>(values + <usize>i) & 15) | (load<u8>(values + <usize>i, 1) << 4));
  }
}

/** As `packNibbles`, four to a byte; `count` is a multiple of 4. */
export function packCrumbs(values: usize, count: i32, output: usize): void {
  for (let i: usize = 0; i < <usize>count; i += 4) {
    // The third and fourth pair of bits come from 16 and 24 bits above.
    const four = load<u32>(values + i) & 0x03030303;
    store<u8>(output + (i >> 2), four | (four >> 6) | (four >> 12) | (four >> 18));
  }
}

/** Copies `lanes` runs of `length` bytes, one behind the other, to places `stride` bytes apart. */
export function spreadRuns(from: usize, length: i32, to: usize, stride: i32, lanes: i32): void {
  for (let lane = 0; lane < lanes; lane++, from += <usize>length, to += <usize>stride) memory.copy(to, from, <usize>length);
}
