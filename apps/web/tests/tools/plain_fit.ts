/** plainFit: what `fitPicture` computes, pixel by pixel and not rounded. */

import { cropWindow } from "../../src/frames/geometry.ts";
import type { Orientation, Picture, Plane } from "../../src/frames/picture.ts";

type Pixel = readonly number[];
/** An old row or column, and how much of it a new one takes. */
type Part = readonly [index: number, weight: number];

const SHARES = {
  bt601: [0.299, 0.114],
  bt709: [0.2126, 0.0722],
  bt2020: [0.2627, 0.0593],
} as const;

/** Returns the RGB numbers, from 0 to 255, of the upright square of a picture
 * whose pixels are squares.
 */
export function plainFit(
  picture: Picture,
  resizeSize: number,
  size: number,
  { rotation, flip }: Orientation,
): Float64Array {
  const isTurned = rotation % 180 !== 0;
  const { width, height } = picture;
  const upright = isTurned ? [height, width] : [width, height];
  const crop = cropWindow(upright[0]!, upright[1]!, resizeSize, size);
  const [right, bottom] = [crop.width - 1, crop.height - 1];
  const resized = isTurned
    ? [crop.height, crop.width]
    : [crop.width, crop.height];
  const isShrunk = resizeSize < Math.min(width, height);
  const square = new Float64Array(3 * size * size);
  for (let y = 0, to = 0; y < size; y++) {
    for (let x = 0; x < size; x++, to += 3) {
      const row = crop.top + y;
      const column = flip ? right - crop.left - x : crop.left + x;
      const [storedColumn, storedRow] = {
        0: [column, row],
        90: [row, right - column],
        180: [right - column, bottom - row],
        270: [bottom - row, column],
      }[rotation] as [number, number];
      square.set(
        isShrunk
          ? meanOfArea(picture, resized, storedColumn, storedRow)
          : between(picture, resized, storedColumn, storedRow),
        to,
      );
    }
  }
  return square.map((number) => Math.min(Math.max(number, 0), 255));
}

function meanOfArea(
  picture: Picture,
  resized: readonly number[],
  column: number,
  row: number,
): Pixel {
  const samples = picture.planes.map((plane) => {
    const shrink = [picture.width, picture.height].map(
      (side, axis) =>
        side / subsampling(picture, plane)[axis]! / resized[axis]!,
    );
    const columns = covered(column, shrink[0]!, plane.width);
    const rows = covered(row, shrink[1]!, plane.height);
    return (
      weighted(columns, rows, (x, y) => sampleAt(plane, x, y)) /
      (shrink[0]! * shrink[1]!)
    );
  });
  return toRgb(picture, samples);
}

/** Returns the pixel between the four nearest ones. */
function between(
  picture: Picture,
  resized: readonly number[],
  column: number,
  row: number,
): Pixel {
  const { width, height } = picture;
  const columns = nearest(column, width / resized[0]!, width);
  const rows = nearest(row, height / resized[1]!, height);
  return [0, 1, 2].map((channel) =>
    weighted(columns, rows, (x, y) => pixelAt(picture, x, y)[channel]!),
  );
}

/** Returns one pixel as RGB bytes. */
function pixelAt(picture: Picture, x: number, y: number): Pixel {
  const samples = picture.planes.map((plane) => {
    const [across, down] = subsampling(picture, plane);
    return sampleAt(plane, Math.floor(x / across), Math.floor(y / down));
  });
  return [...new Uint8ClampedArray(toRgb(picture, samples))];
}

function toRgb({ yuv }: Picture, samples: Pixel): Pixel {
  if (yuv === null) return samples;
  const [red, blue] = SHARES[yuv.matrix];
  const scale = 2 ** (yuv.depth - 8);
  const [black, luma, chroma] = yuv.isFullRange
    ? [0, 255, 255]
    : [16, 219, 224];
  const y = (samples[0]! / scale - black!) * (255 / luma!);
  const u = (samples[1]! / scale - 128) * (255 / chroma!);
  const v = (samples[2]! / scale - 128) * (255 / chroma!);
  const [r, b] = [y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u];
  return [r, (y - red * r - blue * b) / (1 - red - blue), b];
}

function subsampling(picture: Picture, plane: Plane): [number, number] {
  return [
    plane.width < picture.width ? 2 : 1,
    plane.height < picture.height ? 2 : 1,
  ];
}

function sampleAt(plane: Plane, x: number, y: number): number {
  return plane.data[
    plane.offset + y * plane.rowStride + x * plane.pixelStride
  ]!;
}

function covered(index: number, shrink: number, limit: number): Part[] {
  const start = Math.min(index * shrink, limit);
  const end = Math.min((index + 1) * shrink, limit);
  const parts: Part[] = [];
  for (let i = Math.floor(start); i < end; i++) {
    parts.push([i, Math.min(i + 1, end) - Math.max(i, start)]);
  }
  return parts;
}

function nearest(index: number, shrink: number, limit: number): Part[] {
  const place = (index + 0.5) * shrink - 0.5;
  const clamped = Math.min(Math.max(place, 0), limit - 1);
  const first = Math.floor(clamped);
  const share = clamped - first;
  const second = Math.min(first + 1, limit - 1);
  return [
    [first, 1 - share],
    [second, share],
  ];
}

function weighted(
  columns: readonly Part[],
  rows: readonly Part[],
  read: (x: number, y: number) => number,
): number {
  let sum = 0;
  for (const [y, down] of rows) {
    for (const [x, across] of columns) sum += down * across * read(x, y);
  }
  return sum;
}
