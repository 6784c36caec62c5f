/** RowResampler: resamples planes row by row, by area or bilinearly. */

import type { Picture, Plane } from "./picture.ts";
import type { Rows } from "./yuv.ts";

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

/** Resamples planes that lie in one another, such as interleaved R, G and B.
 *
 * First it adds the old rows of a new row, with weights. Then it reads the sum
 * between its columns: bilinearly at the centres of the new pixels, or, for
 * the mean over the area of a new pixel, the sum from the left border at both
 * edges of the pixel, of which it takes the difference.
 */
export class RowResampler {
  private readonly plane: Plane; // The first in memory.
  private readonly places: number[]; // Of each plane, after the first.
  private readonly rows: WeightedRows[];
  private readonly left: number; // The first column that is needed.
  private readonly columns: Float64Array; // Where to read, after `left`.
  private readonly sums: Float64Array; // Of old rows, with all planes.
  private readonly line: Float64Array; // One plane of the sums.
  private readonly share: number; // Of an old pixel in the area of a new one.

  /**
   * @param indices The indices of the planes.
   * @param isShrunk Whether to take means over areas.
   */
  constructor(
    { width, height, planes }: Picture,
    private readonly indices: readonly number[],
    { left, top, size, ...resized }: Window,
    private readonly isShrunk: boolean,
  ) {
    const group = indices.map((index) => planes[index]!);
    const plane = group.reduce((a, b) => (b.offset < a.offset ? b : a));
    this.plane = plane;
    this.places = group.map(({ offset }) => offset - plane.offset);
    // Old pixels per new pixel. Colours may have half the samples.
    const shrinkX = width / (plane.width < width ? 2 : 1) / resized.width;
    const shrinkY = height / (plane.height < height ? 2 : 1) / resized.height;
    this.share = 1 / (shrinkX * shrinkY);
    const rows = isShrunk ? coveredRows : nearestRows;
    this.rows = Array.from({ length: size }, (_, y) =>
      rows(top + y, shrinkY, plane.height),
    );
    const column = (x: number) =>
      isShrunk
        ? edge(x, shrinkX, plane.width)
        : centre(x, shrinkX, plane.width);
    this.left = Math.floor(column(left));
    this.columns = Float64Array.from(
      { length: size + 1 },
      (_, x) => column(left + x) - this.left,
    );
    const last = Math.ceil(this.columns[size]!);
    const count = Math.min(last + 1, plane.width - this.left);
    // The line has a sum before its first column, and one place more to read.
    this.line = new Float64Array(count + 2);
    const tail = Math.max(...this.places) + 1;
    this.sums = new Float64Array((count - 1) * plane.pixelStride + tail);
  }

  /** Writes row `y` of the square of each plane. */
  resample(y: number, results: Rows): void {
    const { plane, sums, line, columns } = this;
    this.addRows(this.rows[y]!);
    this.indices.forEach((index, i) => {
      const result = results[index as 0 | 1 | 2];
      const place = this.places[i]!;
      if (this.isShrunk) {
        cumulate(sums, place, plane.pixelStride, line);
        subtractEdges(line, columns, this.share, result);
      } else {
        gather(sums, place, plane.pixelStride, line);
        interpolate(line, columns, result);
      }
    });
  }

  private addRows({ first, weights }: WeightedRows): void {
    const { sums } = this;
    const { data, offset, rowStride, pixelStride } = this.plane;
    const start = offset + this.left * pixelStride;
    sums.fill(0);
    // Three rows at a time, because reading and writing the sums takes time.
    for (let i = 0; i < weights.length; i += 3) {
      const at = start + (first + i) * rowStride;
      const b = weights[i + 1] ?? 0;
      const c = weights[i + 2] ?? 0;
      const atB = b === 0 ? at : at + rowStride;
      const atC = c === 0 ? at : at + 2 * rowStride;
      addThree(sums, data, at, weights[i]!, atB, b, atC, c);
    }
  }
}

/** Consecutive old rows, of which a new one is the weighted sum. */
interface WeightedRows {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Returns the place of the left edge of a new pixel among the old ones. */
function edge(x: number, shrink: number, limit: number): number {
  return Math.min(x * shrink, limit);
}

/** Returns the place of the centre of a new pixel among those of old ones. */
function centre(x: number, shrink: number, limit: number): number {
  return Math.min(Math.max((x + 0.5) * shrink - 0.5, 0), limit - 1);
}

function coveredRows(y: number, shrink: number, limit: number): WeightedRows {
  const top = edge(y, shrink, limit);
  const bottom = edge(y + 1, shrink, limit);
  const first = Math.floor(top);
  const weights: number[] = [];
  for (let row = first; row < bottom; row++) {
    weights.push(Math.min(row + 1, bottom) - Math.max(row, top));
  }
  return { first, weights };
}

function nearestRows(y: number, shrink: number, limit: number): WeightedRows {
  const place = centre(y, shrink, limit);
  const first = Math.floor(place);
  const share = place - first;
  return { first, weights: share === 0 ? [1] : [1 - share, share] };
}

/** Adds three rows, whose pixels begin at `a`, `b` and `c`, to the sums. */
function addThree(
  sums: Float64Array,
  data: Plane["data"],
  a: number,
  weightA: number,
  b: number,
  weightB: number,
  c: number,
  weightC: number,
): void {
  for (let i = 0; i < sums.length; i++) {
    sums[i]! +=
      weightA * data[a + i]! + weightB * data[b + i]! + weightC * data[c + i]!;
  }
}

/** Writes the sums of one plane from the left border to each column. */
function cumulate(
  sums: Float64Array,
  place: number,
  stride: number,
  line: Float64Array,
): void {
  let sum = 0;
  for (let from = place, to = 1; from < sums.length; from += stride, to++) {
    sum += sums[from]!;
    line[to] = sum;
  }
}

function gather(
  sums: Float64Array,
  place: number,
  stride: number,
  line: Float64Array,
): void {
  for (let from = place, to = 0; from < sums.length; from += stride, to++) {
    line[to] = sums[from]!;
  }
}

/** Reads a line between its columns. */
function interpolate(
  line: Float64Array,
  columns: Float64Array,
  result: Float64Array,
): void {
  for (let x = 0; x < result.length; x++) {
    const column = columns[x]!;
    const before = column | 0;
    const value = line[before]!;
    result[x] = value + (column - before) * (line[before + 1]! - value);
  }
}

/** Reads a line at the edges of new pixels, and subtracts neighbours. */
function subtractEdges(
  line: Float64Array,
  edges: Float64Array,
  share: number,
  result: Float64Array,
): void {
  let before = 0; // No new pixel begins before the first old one.
  for (let x = -1; x < result.length; x++) {
    const edge = edges[x + 1]!;
    const start = edge | 0;
    const value = line[start]!;
    const sum = value + (edge - start) * (line[start + 1]! - value);
    if (x >= 0) result[x] = share * (sum - before);
    before = sum;
  }
}
