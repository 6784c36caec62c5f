/** fitPicture: resizes and crops a picture to the square of a network.
 *
 * `docs/artifact.md` states the rules: the short side becomes `resizeSize`, by
 * the mean of areas if it shrinks and bilinearly if it grows; then the square
 * in the centre is cropped.
 */

import {
  UPRIGHT,
  type Orientation,
  type Picture,
  type Size,
} from "./picture.ts";
import { resample } from "./resample.ts";
import type { Window } from "./plan.ts";

const LONGEST = 32; // One side may be this many times as long as the other.
const LARGEST_ASPECT = 5; // A larger aspect of a pixel is an error in a file.

/** Returns the size of an upright picture after the resize, and its crop.
 *
 * @throws Error if one side is more than 32 times as long as the other.
 */
export function cropWindow(
  width: number,
  height: number,
  resizeSize: number,
  size: number,
): Window {
  const short = Math.min(width, height);
  if (Math.max(width, height) > LONGEST * short) {
    throw new Error(
      `One side of a frame must be at most ${LONGEST} times as long as the ` +
        `other. Received: ${width} x ${height} pixels`,
    );
  }
  const resized = (side: number) =>
    Math.floor((2 * side * resizeSize + short) / (2 * short));
  return {
    width: resized(width),
    height: resized(height),
    left: Math.floor((resized(width) - size) / 2),
    top: Math.floor((resized(height) - size) / 2),
    size,
  };
}

/** Resizes and crops a picture to `[size, size, 3]` RGB bytes.
 *
 * @throws Error if one side is more than 32 times as long as the other.
 */
export function fitPicture(
  picture: Picture,
  resizeSize: number,
  size: number,
  orientation: Orientation = UPRIGHT,
): Uint8ClampedArray {
  const { width, height } = uprightSize(picture, orientation);
  const upright = cropWindow(width, height, resizeSize, size);
  const window = storedWindow(upright, orientation);
  const rgb = resample(picture, window, resizeSize < Math.min(width, height));
  return turn(rgb, size, orientation);
}

/** Returns the size of a stored picture once it is upright and its pixels are
 * squares.
 */
export function uprightSize(
  stored: Size,
  { rotation, pixelAspect: aspect }: Orientation,
): Size {
  const isUsual = aspect >= 1 / LARGEST_ASPECT && aspect <= LARGEST_ASPECT;
  const ratio = isUsual ? aspect : 1;
  const width = Math.round(stored.width * Math.max(ratio, 1));
  const height = Math.round(stored.height / Math.min(ratio, 1));
  const isTurned = rotation % 180 !== 0;
  return isTurned ? { width: height, height: width } : { width, height };
}

/** Returns the place of an upright window in the picture as it is stored. */
function storedWindow(upright: Window, orientation: Orientation): Window {
  const { width, height, top, size } = upright;
  // Undo the flip, then the rotation.
  const left = orientation.flip ? width - size - upright.left : upright.left;
  switch (orientation.rotation) {
    case 90:
      return {
        ...upright,
        width: height,
        height: width,
        left: top,
        top: width - size - left,
      };
    case 180:
      return {
        ...upright,
        left: width - size - left,
        top: height - size - top,
      };
    case 270:
      return {
        ...upright,
        width: height,
        height: width,
        left: height - size - top,
        top: left,
      };
    default:
      return { ...upright, left };
  }
}

/** Rotates and flips a square. */
function turn(
  rgb: Uint8ClampedArray,
  size: number,
  { rotation, flip }: Orientation,
): Uint8ClampedArray {
  if (rotation === 0 && !flip) return rgb;
  const turned = new Uint8ClampedArray(rgb.length);
  const end = size - 1;
  const pixel = 3;
  const row = 3 * size;
  // Where the turned corner lies, and the steps to the right and down from it.
  const [corner, right, down] = {
    0: [0, pixel, row],
    90: [end * row, -row, pixel],
    180: [end * (row + pixel), -pixel, -row],
    270: [end * pixel, row, -pixel],
  }[rotation] as [number, number, number];
  const start = flip ? corner + end * right : corner;
  const step = flip ? -right : right;
  for (let y = 0, to = 0; y < size; y++) {
    let from = start + y * down;
    for (let x = 0; x < size; x++, to += 3, from += step) {
      turned[to] = rgb[from]!;
      turned[to + 1] = rgb[from + 1]!;
      turned[to + 2] = rgb[from + 2]!;
    }
  }
  return turned;
}
