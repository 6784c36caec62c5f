/** Pictures of all formats, sizes and orientations become the right squares. */

import { expect, test } from "vitest";
import { fitPicture } from "../src/frames/fit.ts";
import {
  interleaved,
  type Orientation,
  type Picture,
  type Plane,
  type YuvRule,
} from "../src/frames/picture.ts";
import { plainFit } from "./tools/plain_fit.ts";
import { difference } from "./vectors/read.ts";

let seed = 1;
/** Returns one of the numbers 0 to `count - 1`. */
function random(count: number): number {
  seed = (seed * 48271) % 2147483647;
  return seed % count;
}

function randomBytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random(256));
}

const SUBSAMPLING: Record<string, readonly [number, number]> = {
  I444: [1, 1],
  I422: [2, 1],
};

function randomPicture(format: string, width: number, height: number): Picture {
  if (format === "RGB" || format === "RGBA" || format === "BGRA") {
    const rowStride = format.length * width + random(5);
    const data = randomBytes(rowStride * height);
    return interleaved(data, width, height, format, rowStride);
  }
  const depth = format.endsWith("P10") ? 10 : 8;
  const plane = (width: number, height: number, pixelStride = 1): Plane => {
    const offset = random(3);
    const rowStride = pixelStride * width + random(5);
    const samples = randomBytes(offset + rowStride * height);
    const data =
      depth === 8 ? samples : Uint16Array.from(samples, (x) => 4 * x + 1);
    return { data, offset, pixelStride, rowStride, width, height };
  };
  const [across, down] = SUBSAMPLING[format] ?? [2, 2];
  const size = [Math.ceil(width / across), Math.ceil(height / down)] as const;
  const isJoined = format.startsWith("NV");
  const first = plane(...size, isJoined ? 2 : 1);
  const second = isJoined
    ? { ...first, offset: first.offset + 1 }
    : plane(...size);
  const [u, v] = format === "NV21" ? [second, first] : [first, second];
  const matrix = (["bt601", "bt709", "bt2020"] as const)[random(3)]!;
  const yuv: YuvRule = { matrix, isFullRange: random(2) === 0, depth };
  return { width, height, planes: [plane(width, height), u, v], yuv };
}

const FORMATS = [
  ...["RGB", "RGBA", "BGRA", "I420", "I422", "I444"],
  ...["NV12", "NV21", "I420P10", "I422P10"],
];

test.each(FORMATS)("%s pictures become the right squares", (format) => {
  for (let round = 0; round < 24; round++) {
    const width = 7 + random(90);
    const height = 7 + random(90);
    const resizeSize = 3 + random(40); // Some shrink, and some grow.
    const size = 1 + random(resizeSize);
    const orientation: Orientation = {
      rotation: ([0, 90, 180, 270] as const)[random(4)]!,
      flip: random(2) === 0,
      pixelAspect: 1,
    };
    const picture = randomPicture(format, width, height);
    const found = fitPicture(picture, resizeSize, size, orientation);
    const expected = plainFit(picture, resizeSize, size, orientation);
    const sizes = `${width} x ${height} to ${resizeSize}, ${size}`;
    const text = `${sizes}, ${JSON.stringify(orientation)}`;
    // Halves may be rounded up or down.
    expect(difference(found, expected), text).toBeLessThan(0.5 + 1e-9);
  }
});
