/** resample: resizes a picture and crops a square of RGB bytes from it. */

import type { Picture } from "./picture.ts";
import { RowResampler, type Window } from "./rows.ts";
import { convertPicture, convertRow, yuvNumbers, type Rows } from "./yuv.ts";

/** Resizes and crops a picture, by area if it shrinks, else bilinearly.
 *
 * It works row by row, so that what it computes with stays small.
 */
export function resample(
  picture: Picture,
  window: Window,
  isShrunk: boolean,
): Uint8ClampedArray {
  // Colours have fewer samples than brightness. Areas of both can be averaged
  // before the conversion, which is linear, but interpolation needs pixels.
  const source = isShrunk ? picture : convertPicture(picture);
  const { size } = window;
  const row = () => new Float64Array(size);
  const rows: Rows = [row(), row(), row()];
  const resamplers = groupPlanes(source).map(
    (indices) => new RowResampler(source, indices, window, isShrunk),
  );
  const numbers = source.yuv === null ? null : yuvNumbers(source.yuv);
  const rgb = new Uint8ClampedArray(3 * size ** 2);
  for (let y = 0; y < size; y++) {
    for (const resampler of resamplers) resampler.resample(y, rows);
    const to = 3 * y * size;
    if (numbers === null) interleave(rows, rgb, to);
    else convertRow(rows, numbers, rgb, to);
  }
  return rgb;
}

function interleave(
  [reds, greens, blues]: Rows,
  rgb: Uint8ClampedArray,
  to: number,
): void {
  for (let i = 0; i < reds.length; i++, to += 3) {
    rgb[to] = reds[i]!; // The array rounds and clamps.
    rgb[to + 1] = greens[i]!;
    rgb[to + 2] = blues[i]!;
  }
}

/** Returns the indices of the planes, with those that lie in one another in
 * one group: R, G and B if they are interleaved, and U and V in NV12.
 */
function groupPlanes({ planes }: Picture): number[][] {
  const groups: number[][] = [];
  planes.forEach(({ data, offset, pixelStride }, index) => {
    const group = groups.at(-1) ?? [];
    const first = planes[group[0] ?? -1];
    const distance = Math.abs(offset - (first?.offset ?? 0));
    if (data === first?.data && distance < pixelStride) group.push(index);
    else groups.push([index]);
  });
  return groups;
}
