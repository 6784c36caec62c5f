/** RowResampler: resamples planes row by row, by area or bilinearly. */

import { kernels, reserveFloats, reservePlaces } from "./kernels.ts";
import type { PlacedPicture, PlacedPlane } from "./placed.ts";
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
  private readonly plane: PlacedPlane; // The first in memory.
  private readonly places: number[]; // Of each plane, in samples after it.
  private readonly rows: { first: number; weights: number; count: number }[];
  private readonly size: number;
  private readonly columns: number; // Where to read, after the first column.
  private readonly count: number; // Of the columns that are needed.
  private readonly sums: number; // Of old rows, with all planes.
  private readonly line: number; // The sums of one plane from the left border.
  private readonly share: number; // Of an old pixel in the area of a new one.

  /** Reserves memory, which the caller releases.
   *
   * @param indices The indices of the planes.
   * @param isShrunk Whether to take means over areas.
   */
  constructor(
    { width, height, planes }: PlacedPicture,
    private readonly indices: readonly number[],
    { left, top, size, ...resized }: Window,
    private readonly isShrunk: boolean,
  ) {
    const group = indices.map((index) => planes[index]!);
    const plane = group.reduce((a, b) => (b.at < a.at ? b : a));
    this.plane = plane;
    this.places = group.map(({ at }) => (at - plane.at) / plane.sampleBytes);
    this.size = size;
    // Old pixels per new pixel. Colours may have half the samples.
    const shrinkX = width / (plane.width < width ? 2 : 1) / resized.width;
    const shrinkY = height / (plane.height < height ? 2 : 1) / resized.height;
    this.share = 1 / (shrinkX * shrinkY);
    const column = (x: number) =>
      isShrunk
        ? edge(x, shrinkX, plane.width)
        : centre(x, shrinkX, plane.width);
    const first = Math.floor(column(left));
    const columns = Array.from(
      { length: size + 1 },
      (_, x) => column(left + x) - first,
    );
    const stride = isShrunk ? 8 : 8 * plane.pixelStride;
    this.columns = reservePlaces(columns, stride);
    const last = Math.ceil(columns[size]!);
    this.count = Math.min(last + 1, plane.width - first);
    // The line has a sum before its first column, and one place more to read.
    this.line = reserveFloats(new Float64Array(this.count + 2));
    this.sums = reserveFloats(new Float64Array(this.sumCount + 1));
    this.rows = this.placeRows(first, (y) =>
      (isShrunk ? coveredRows : nearestRows)(top + y, shrinkY, plane.height),
    );
  }

  /** The number of sums, of all planes. */
  private get sumCount(): number {
    const tail = Math.max(...this.places) + 1;
    return (this.count - 1) * this.plane.pixelStride + tail;
  }

  /** Returns addresses of the first samples and the weights of each row. */
  private placeRows(column: number, rowsOf: (y: number) => WeightedRows) {
    const { at, sampleBytes, pixelStride, rowStride } = this.plane;
    const all = Array.from({ length: this.size }, (_, y) => rowsOf(y));
    const start = reserveFloats(all.flatMap(({ weights }) => weights));
    let weights = start;
    return all.map((rows) => {
      const sample = rows.first * rowStride + column * pixelStride;
      const count = rows.weights.length;
      const row = { first: at + sample * sampleBytes, weights, count };
      weights += 8 * count;
      return row;
    });
  }

  /** Writes row `y` of the square of each plane. */
  resample(y: number, results: Rows): void {
    const { sampleBytes, rowStride, pixelStride } = this.plane;
    const { first, weights, count } = this.rows[y]!;
    kernels.addRows(
      first,
      rowStride * sampleBytes,
      sampleBytes,
      weights,
      count,
      this.sums,
      this.sumCount,
    );
    this.indices.forEach((index, i) => {
      const sums = this.sums + 8 * this.places[i]!;
      this.readRow(sums, 8 * pixelStride, results[index as 0 | 1 | 2]);
    });
  }

  private readRow(sums: number, stride: number, result: number): void {
    const { columns, count, line, share, size } = this;
    if (this.isShrunk) {
      kernels.meansOfAreas(
        ...([sums, stride, count, line, columns, share, result, size] as const),
      );
    } else {
      kernels.interpolate(sums, stride, columns, result, size);
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
