/** Resampling of one plane into a square of floats, by area or bilinearly. */

import type { Plane } from "./picture.ts";

/** Which part of the resized plane is wanted. */
export interface Window {
  /** The size of the whole plane after resizing. */
  readonly width: number;
  readonly height: number;
  /** The square that is cropped from it. */
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

/** Averages over the rectangle of old pixels that each new pixel covers.
 *
 * Pixels on the edge of a rectangle count by the share that is covered.
 *
 * @param shrinkX Old pixels per new pixel.
 */
export function averageAreas(
  plane: Plane,
  window: Window,
  shrinkX: number,
  shrinkY: number,
  square: Float32Array,
): void {
  const { data, offset, pixelStride, rowStride } = plane;
  const { left, top, size } = window;
  const columns = spans(left, size, shrinkX, plane.width);
  const rows = spans(top, size, shrinkY, plane.height);
  const first = columns.starts[0]!;
  const count = columns.ends[size - 1]! - first;
  const sums = new Float32Array(count);
  for (let y = 0, to = 0; y < size; y++) {
    const [start, end] = [rows.starts[y]!, rows.ends[y]!];
    sums.fill(0);
    for (let row = start; row < end; row++) {
      const share = rows.share(y, row);
      let from = offset + row * rowStride + first * pixelStride;
      for (let i = 0; i < count; i++, from += pixelStride) {
        sums[i]! += share * data[from]!;
      }
    }
    for (let x = 0; x < size; x++) {
      let sum = 0;
      const [begin, stop] = [columns.starts[x]!, columns.ends[x]!];
      sum += columns.firsts[x]! * sums[begin - first]!;
      for (let column = begin + 1; column < stop - 1; column++) {
        sum += columns.inner * sums[column - first]!;
      }
      if (stop - begin > 1) sum += columns.lasts[x]! * sums[stop - 1 - first]!;
      square[to++] = sum;
    }
  }
}

/** The old pixels from `starts` to before `ends` that each new pixel covers,
 * with the shares of the first, the inner and the last ones. */
function spans(from: number, size: number, shrink: number, limit: number) {
  const starts = new Int32Array(size);
  const ends = new Int32Array(size);
  const firsts = new Float32Array(size);
  const lasts = new Float32Array(size);
  const inner = 1 / shrink;
  for (let i = 0; i < size; i++) {
    const low = (from + i) * shrink;
    const high = Math.min((from + i + 1) * shrink, limit);
    // Rounding errors must not add a pixel of which nothing is covered.
    const start = Math.min(Math.floor(low + 1e-6), limit - 1);
    const end = Math.max(Math.ceil(high - 1e-6), start + 1);
    starts[i] = start;
    ends[i] = end;
    const isOne = end - start === 1;
    firsts[i] = isOne ? 1 : Math.min(start + 1 - low, 1) / shrink;
    lasts[i] = (high - (end - 1)) / shrink;
  }
  const share = (i: number, at: number) => {
    if (at === starts[i]) return firsts[i]!;
    return at === ends[i]! - 1 ? lasts[i]! : inner;
  };
  return { starts, ends, firsts, lasts, inner, share };
}

/** Interpolates bilinearly between the centres of the old pixels. */
export function interpolate(
  plane: Plane,
  window: Window,
  shrinkX: number,
  shrinkY: number,
  square: Float32Array,
): void {
  const { data, offset, pixelStride, rowStride } = plane;
  const { left, top, size } = window;
  const columns = places(left, size, shrinkX, plane.width);
  const rows = places(top, size, shrinkY, plane.height);
  for (let y = 0, to = 0; y < size; y++) {
    const above = offset + rows.before[y]! * rowStride;
    const below = offset + rows.after[y]! * rowStride;
    const down = rows.share[y]!;
    for (let x = 0; x < size; x++, to++) {
      const before = columns.before[x]! * pixelStride;
      const after = columns.after[x]! * pixelStride;
      const right = columns.share[x]!;
      const upper =
        data[above + before]! * (1 - right) + data[above + after]! * right;
      const lower =
        data[below + before]! * (1 - right) + data[below + after]! * right;
      square[to] = upper * (1 - down) + lower * down;
    }
  }
}

function places(from: number, size: number, shrink: number, limit: number) {
  const before = new Int32Array(size);
  const after = new Int32Array(size);
  const share = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const place = (from + i + 0.5) * shrink - 0.5;
    const clamped = Math.min(Math.max(place, 0), limit - 1);
    before[i] = Math.floor(clamped);
    after[i] = Math.min(before[i]! + 1, limit - 1);
    share[i] = clamped - before[i]!;
  }
  return { before, after, share };
}
