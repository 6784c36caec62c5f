/** RowResampler: resamples planes row by row, by area or bilinearly. */

import { kernels, reserveFloats, reservePlaces } from "./kernels.ts";
import type { PlacedPicture, PlacedPlane } from "./placed.ts";
import { planPlane, type Plan, type Window } from "./plan.ts";
import type { Rows } from "./yuv.ts";

/** Resamples planes that lie in one another, such as interleaved R, G and B.
 *
 * First it adds the old rows of a new row, with weights. Then it reads the sum
 * between its columns: bilinearly at the centres of the new pixels, or, for
 * the mean over the area of a new pixel, the sum from the left border at both
 * edges of the pixel, of which it takes the difference.
 */
export class RowResampler {
  private readonly plan: Plan;
  private readonly plane: PlacedPlane; // The first in memory.
  private readonly places: number[]; // Of each plane, in samples after it.
  private readonly sumCount: number; // Of all planes.
  // Addresses.
  private readonly columns: number;
  private readonly weights: number;
  private readonly sums: number; // Of old rows, with all planes.
  private readonly line: number; // The sums of one plane from the left border.

  /** Reserves memory, which the caller releases.
   *
   * @param indices The indices of the planes.
   * @param isShrunk Whether to take means over areas.
   */
  constructor(
    picture: PlacedPicture,
    private readonly indices: readonly number[],
    window: Window,
    private readonly isShrunk: boolean,
  ) {
    const group = indices.map((index) => picture.planes[index]!);
    const plane = group.reduce((a, b) => (b.at < a.at ? b : a));
    const plan = planPlane(picture, plane, window, isShrunk);
    this.plan = plan;
    this.plane = plane;
    this.places = group.map(({ at }) => (at - plane.at) / plane.sampleBytes);
    const tail = Math.max(...this.places) + 1;
    this.sumCount = (plan.count - 1) * plane.pixelStride + tail;
    const stride = isShrunk ? 8 : 8 * plane.pixelStride;
    this.columns = reservePlaces(plan.columns, stride);
    this.weights = reserveFloats(plan.weights);
    this.sums = reserveFloats(new Float64Array(this.sumCount + 1));
    // The line has a sum before its first column, and one place more to read.
    this.line = reserveFloats(new Float64Array(plan.count + 2));
  }

  /** Writes row `y` of the square of each plane. */
  resample(y: number, results: Rows): void {
    const { at, sampleBytes, rowStride, pixelStride } = this.plane;
    const { first, start, count } = this.plan.rows[y]!;
    const sample = first * rowStride + this.plan.left * pixelStride;
    kernels.addRows(
      at + sample * sampleBytes,
      rowStride * sampleBytes,
      sampleBytes,
      this.weights + 8 * start,
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
    const { columns, line } = this;
    const { count, share, rows } = this.plan;
    const size = rows.length;
    if (this.isShrunk) {
      kernels.meansOfAreas(
        ...([sums, stride, count, line, columns, share, result, size] as const),
      );
    } else {
      kernels.interpolate(sums, stride, columns, result, size);
    }
  }
}
