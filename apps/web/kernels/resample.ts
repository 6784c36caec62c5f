/** The loops over pixels that resize a picture, with SIMD instructions.
 *
 * This is AssemblyScript, which the build compiles to WebAssembly. All
 * parameters of the type `usize` are addresses in its memory. Loops take
 * several values at once, so they read and write up to 64 bytes behind the last
 * value; the caller keeps such a margin behind every array.
 */

const PLACE: usize = 16; // The bytes of a place; see `between`.

/** Writes the sum of rows of samples, each multiplied by its weight.
 *
 * @param first The first sample of the first row; each has 1 or 2 bytes.
 * @param rowBytes The distance between two rows.
 * @param weights A float64 per row.
 * @param sums Room for `count` float64 values, and a multiple of 8.
 */
export function addRows(
  first: usize,
  rowBytes: usize,
  sampleBytes: usize,
  weights: usize,
  rows: i32,
  sums: usize,
  count: i32,
): void {
  for (let i = 0; i < count; i += 8) {
    let a = f64x2.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let row = first + <usize>i * sampleBytes;
    for (let k = 0; k < rows; k++) {
      const weight = v128.load64_splat(weights + ((<usize>k) << 3));
      const samples =
        sampleBytes == 1
          ? i16x8.extend_low_i8x16_u(v128.load64_zero(row))
          : v128.load(row);
      const low = i32x4.extend_low_i16x8_u(samples);
      const high = i32x4.extend_high_i16x8_u(samples);
      a = f64x2.add(a, f64x2.mul(weight, firstTwo(low)));
      b = f64x2.add(b, f64x2.mul(weight, lastTwo(low)));
      c = f64x2.add(c, f64x2.mul(weight, firstTwo(high)));
      d = f64x2.add(d, f64x2.mul(weight, lastTwo(high)));
      row += rowBytes;
    }
    v128.store(sums, a, 0);
    v128.store(sums, b, 16);
    v128.store(sums, c, 32);
    v128.store(sums, d, 48);
    sums += 64;
  }
}

/** Writes the means over the areas of new pixels.
 *
 * @param sums The first of `count` weighted sums of old rows.
 * @param stride The bytes between two of them.
 * @param line Room for `count + 2` float64 values.
 * @param edges The `size + 1` edges of the new pixels, as places in the line.
 * @param share The part of a new pixel that an old one covers.
 */
export function meansOfAreas(
  sums: usize,
  stride: usize,
  count: i32,
  line: usize,
  edges: usize,
  share: f64,
  means: usize,
  size: i32,
): void {
  // The sums from the left border to each edge of an old pixel.
  let sum: f64 = 0;
  let to = line;
  for (let i = 0; i < count; i++) {
    store<f64>(to, sum);
    sum += load<f64>(sums);
    sums += stride;
    to += 8;
  }
  store<f64>(to, sum);
  store<f64>(to, 0, 8);
  let before = between(line, 8, edges);
  for (let x = 0; x < size; x++) {
    edges += PLACE;
    const after = between(line, 8, edges);
    store<f64>(means, share * (after - before));
    means += 8;
    before = after;
  }
}

/** Writes the values at `size` places between the samples of a row. */
export function interpolate(
  samples: usize,
  stride: usize,
  places: usize,
  values: usize,
  size: i32,
): void {
  for (let x = 0; x < size; x++) {
    store<f64>(values, between(samples, stride, places));
    values += 8;
    places += PLACE;
  }
}

/** Writes rows of red, green and blue as `size` interleaved pixels. */
export function storeRgb(
  reds: usize,
  greens: usize,
  blues: usize,
  rgb: usize,
  size: i32,
): void {
  for (let i = 0; i < size; i += 4) {
    const at = (<usize>i) << 3;
    storeFour(
      rgb,
      toInts(v128.load(reds + at), v128.load(reds + at, 16)),
      toInts(v128.load(greens + at), v128.load(greens + at, 16)),
      toInts(v128.load(blues + at), v128.load(blues + at, 16)),
    );
    rgb += 12;
  }
}

/** Converts rows of Y, U and V to `size` interleaved pixels. */
export function convertYuv(
  ys: usize,
  us: usize,
  vs: usize,
  black: f64,
  middle: f64,
  luma: f64,
  redV: f64,
  greenU: f64,
  greenV: f64,
  blueU: f64,
  rgb: usize,
  size: i32,
): void {
  for (let i = 0; i < size; i += 4) {
    const at = (<usize>i) << 3;
    const y0 = scaled(v128.load(ys + at), black, luma);
    const y1 = scaled(v128.load(ys + at, 16), black, luma);
    const u0 = f64x2.sub(v128.load(us + at), f64x2.splat(middle));
    const u1 = f64x2.sub(v128.load(us + at, 16), f64x2.splat(middle));
    const v0 = f64x2.sub(v128.load(vs + at), f64x2.splat(middle));
    const v1 = f64x2.sub(v128.load(vs + at, 16), f64x2.splat(middle));
    storeFour(
      rgb,
      toInts(plus(y0, redV, v0), plus(y1, redV, v1)),
      toInts(
        plus(plus(y0, greenU, u0), greenV, v0),
        plus(plus(y1, greenU, u1), greenV, v1),
      ),
      toInts(plus(y0, blueU, u0), plus(y1, blueU, u1)),
    );
    rgb += 12;
  }
}

function firstTwo(numbers: v128): v128 {
  return f64x2.convert_low_i32x4_s(numbers);
}

function lastTwo(numbers: v128): v128 {
  return f64x2.convert_low_i32x4_s(
    v128.shuffle<i32>(numbers, numbers, 2, 3, 2, 3),
  );
}

/** Reads a row at a place between two of its values.
 *
 * A place has the distance of the first value from the start of the row, in
 * bytes, and a float64: how far it lies from the first value to the second.
 */
function between(row: usize, stride: usize, place: usize): f64 {
  const at = row + load<u32>(place);
  const value = load<f64>(at);
  return value + load<f64>(place, 8) * (load<f64>(at + stride) - value);
}

function scaled(values: v128, black: f64, factor: f64): v128 {
  return f64x2.mul(f64x2.splat(factor), f64x2.sub(values, f64x2.splat(black)));
}

function plus(values: v128, factor: f64, others: v128): v128 {
  return f64x2.add(values, f64x2.mul(f64x2.splat(factor), others));
}

/** Rounds four values to integers, halves to even ones. */
function toInts(low: v128, high: v128): v128 {
  return v128.shuffle<i32>(
    i32x4.trunc_sat_f64x2_s_zero(f64x2.nearest(low)),
    i32x4.trunc_sat_f64x2_s_zero(f64x2.nearest(high)),
    0,
    1,
    4,
    5,
  );
}

/** Stores four pixels, and four bytes behind them without meaning. */
function storeFour(rgb: usize, reds: v128, greens: v128, blues: v128): void {
  const bytes = i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(reds, greens),
    i16x8.narrow_i32x4_s(blues, blues),
  );
  const order = i8x16(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11, 0, 0, 0, 0);
  v128.store(rgb, i8x16.swizzle(bytes, order));
}
