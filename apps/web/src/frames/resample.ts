/** resample: resizes a picture and crops a square of RGB bytes from it. */

import {
  kernels,
  release,
  reserve,
  reserveFloats,
  usedBytes,
} from "./kernels.ts";
import type { Picture } from "./picture.ts";
import { place, type PlacedPicture } from "./placed.ts";
import type { Window } from "./plan.ts";
import { RowResampler } from "./rows.ts";
import { convertPicture, storeRow, type Rows } from "./yuv.ts";

/** Resizes and crops a picture, by area if it shrinks, else bilinearly.
 *
 * It works row by row, so that what it computes with stays small.
 */
export function resample(
  picture: Picture,
  window: Window,
  isShrunk: boolean,
): Uint8ClampedArray<ArrayBuffer> {
  const before = usedBytes();
  try {
    // Colours have fewer samples than brightness. Areas of both can be averaged
    // before the conversion, which is linear, but interpolation needs pixels.
    const placed = place(picture);
    const source = isShrunk ? placed : convertPicture(placed);
    const at = resamplePlaced(source, window, isShrunk);
    const length = 3 * window.size ** 2;
    return new Uint8ClampedArray(kernels.memory.buffer, at, length).slice();
  } finally {
    release(before);
  }
}

/** Returns the address of the square. */
function resamplePlaced(
  source: PlacedPicture,
  window: Window,
  isShrunk: boolean,
): number {
  const { size } = window;
  const row = () => reserveFloats(new Float64Array(size));
  const rows: Rows = [row(), row(), row()];
  const resamplers = groupPlanes(source).map(
    (indices) => new RowResampler(source, indices, window, isShrunk),
  );
  const square = reserve(3 * size ** 2);
  for (let y = 0; y < size; y++) {
    for (const resampler of resamplers) resampler.resample(y, rows);
    storeRow(rows, source.yuv, square + 3 * y * size, size);
  }
  return square;
}

/** Returns the indices of the planes, with those that lie in one another in
 * one group: R, G and B if they are interleaved, and U and V in NV12.
 */
function groupPlanes({ planes }: PlacedPicture): number[][] {
  const groups: number[][] = [];
  planes.forEach(({ at, pixelStride, sampleBytes }, index) => {
    const group = groups.at(-1) ?? [];
    const first = planes[group[0] ?? -1];
    const distance = Math.abs(at - (first?.at ?? Infinity));
    if (distance < pixelStride * sampleBytes) group.push(index);
    else groups.push([index]);
  });
  return groups;
}
