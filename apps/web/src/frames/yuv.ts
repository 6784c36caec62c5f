/** Conversion of YUV samples to 8-bit RGB, without any tone mapping. */

import { interleaved, type Picture, type YuvRule } from "./picture.ts";

// The shares of red and blue in the brightness.
const SHARES = {
  bt601: [0.299, 0.114],
  bt709: [0.2126, 0.0722],
  bt2020: [0.2627, 0.0593],
} as const;

/** The numbers of `r = luma * (y - black) + redV * (v - middle)`, and so on. */
export interface YuvNumbers {
  readonly black: number;
  readonly middle: number;
  readonly luma: number;
  readonly redV: number;
  readonly greenU: number;
  readonly greenV: number;
  readonly blueU: number;
}

/** Returns the numbers of a rule, for samples of its depth. */
export function yuvNumbers(rule: YuvRule): YuvNumbers {
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

/** A row of samples of each plane. */
export type Rows = readonly [Float64Array, Float64Array, Float64Array];

/** Converts samples, pixel by pixel, to interleaved RGB bytes.
 *
 * @param to The position of the first byte that is written.
 */
export function convertRow(
  [ys, us, vs]: Rows,
  k: YuvNumbers,
  rgb: Uint8ClampedArray,
  to: number,
): void {
  for (let i = 0; i < ys.length; i++, to += 3) {
    const y = k.luma * (ys[i]! - k.black);
    const u = us[i]! - k.middle;
    const v = vs[i]! - k.middle;
    rgb[to] = y + k.redV * v; // The array rounds and clamps.
    rgb[to + 1] = y + k.greenU * u + k.greenV * v;
    rgb[to + 2] = y + k.blueU * u;
  }
}

/** Converts a whole picture, each colour sample standing for its pixels. */
export function convertPicture(picture: Picture): Picture {
  const { width, height, planes, yuv } = picture;
  if (yuv === null) return picture;
  const k = yuvNumbers(yuv);
  const row = () => new Float64Array(width);
  const rows: Rows = [row(), row(), row()];
  const rgb = new Uint8ClampedArray(width * height * 3);
  for (let y = 0; y < height; y++) {
    planes.forEach((plane, index) => {
      const xShift = plane.width < width ? 1 : 0;
      const yShift = plane.height < height ? 1 : 0;
      const from = plane.offset + (y >> yShift) * plane.rowStride;
      const values = rows[index as 0 | 1 | 2];
      for (let x = 0; x < width; x++) {
        values[x] = plane.data[from + (x >> xShift) * plane.pixelStride]!;
      }
    });
    convertRow(rows, k, rgb, 3 * y * width);
  }
  return interleaved(new Uint8Array(rgb.buffer), width, height, "RGB");
}
