/** fitPicture: resizes and crops a picture to the square of a network.
 *
 * `docs/artifact.md` states the rules: the short side becomes `resizeSize`, by
 * the mean of areas if it shrinks and bilinearly if it grows; then the square
 * in the centre is cropped.
 */

import { cropWindow, uprightSize } from "./geometry.ts";
import { UPRIGHT, type Orientation, type Picture } from "./picture.ts";
import { resample } from "./resample.ts";
import type { Window } from "./plan.ts";

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
