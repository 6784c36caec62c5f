/** The sizes of pictures on their way to the square of a network. */

import type { Orientation, Size } from "./picture.ts";
import type { Window } from "./plan.ts";

const LONGEST = 32; // One side may be this many times as long as the other.
const LARGEST_ASPECT = 5; // A larger aspect of a pixel is an error in a file.

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
