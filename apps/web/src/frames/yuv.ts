/** Conversion of YUV samples to 8-bit RGB, without any tone mapping. */

import { kernels, reserve, reserveFloats } from "./kernels.ts";
import type { YuvRule } from "./picture.ts";
import type { PlacedPicture, PlacedPlane } from "./placed.ts";

// The shares of red and blue in the brightness.
const SHARES = {
  bt601: [0.299, 0.114],
  bt709: [0.2126, 0.0722],
  bt2020: [0.2627, 0.0593],
} as const;

/** The numbers of `r = luma * (y - black) + redV * (v - middle)`, and so on. */
interface YuvNumbers {
  readonly black: number;
  readonly middle: number;
  readonly luma: number;
  readonly redV: number;
  readonly greenU: number;
  readonly greenV: number;
  readonly blueU: number;
}

/** Returns the numbers of a rule, for samples of its depth. */
function yuvNumbers(rule: YuvRule): YuvNumbers {
  const [red, blue] = SHARES[rule.matrix];
  const green = 1 - red - blue;
  const step = 2 ** (rule.depth - 8); // Samples per level of 8 bits.
  const luma = 255 / ((rule.isFullRange ? 255 : 219) * step);
  const chroma = 255 / ((rule.isFullRange ? 255 : 224) * step);
  return {
    black: rule.isFullRange ? 0 : 16 * step,
    middle: 128 * step,
    luma,
    redV: 2 * (1 - red) * chroma,
    greenU: (-2 * (1 - blue) * blue * chroma) / green,
    greenV: (-2 * (1 - red) * red * chroma) / green,
    blueU: 2 * (1 - blue) * chroma,
  };
}

/** The addresses of a row of each plane, whose samples are float64. */
export type Rows = readonly [number, number, number];

/** Writes rows as `size` interleaved RGB bytes to an address.
 *
 * @param yuv The rule by which the rows are converted; null if they are RGB.
 */
export function storeRow(
  [first, second, third]: Rows,
  yuv: YuvRule | null,
  rgb: number,
  size: number,
): void {
  if (yuv === null) {
    kernels.storeRgb(first, second, third, rgb, size);
    return;
  }
  const k = yuvNumbers(yuv);
  kernels.convertYuv(
    first,
    second,
    third,
    k.black,
    k.middle,
    k.luma,
    k.redV,
    k.greenU,
    k.greenV,
    k.blueU,
    rgb,
    size,
  );
}

/** Converts a whole picture, each colour sample standing for its pixels. */
export function convertPicture(picture: PlacedPicture): PlacedPicture {
  const { width, height, planes, yuv } = picture;
  if (yuv === null) return picture;
  const rgb = reserve(3 * width * height);
  const row = () => reserveFloats(new Float64Array(width));
  const rows: Rows = [row(), row(), row()];
  const { buffer } = kernels.memory;
  for (let y = 0; y < height; y++) {
    planes.forEach((plane, index) => {
      const { at, sampleBytes, pixelStride, rowStride } = plane;
      const Kind = sampleBytes === 1 ? Uint8Array : Uint16Array;
      const xShift = plane.width < width ? 1 : 0;
      const yShift = plane.height < height ? 1 : 0;
      const samples = new Kind(
        buffer,
        at + (y >> yShift) * rowStride * sampleBytes,
        (plane.width - 1) * pixelStride + 1,
      );
      const values = new Float64Array(buffer, rows[index as 0 | 1 | 2], width);
      for (let x = 0; x < width; x++) {
        values[x] = samples[(x >> xShift) * pixelStride]!;
      }
    });
    storeRow(rows, yuv, rgb + 3 * y * width, width);
  }
  const plane = (channel: number): PlacedPlane => ({
    at: rgb + channel,
    sampleBytes: 1,
    pixelStride: 3,
    rowStride: 3 * width,
    width,
    height,
  });
  return { width, height, planes: [plane(0), plane(1), plane(2)], yuv: null };
}
