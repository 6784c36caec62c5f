/** Picture: the pixels of one frame, as a decoder or a camera stores them. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** One channel of a picture. */
export interface Plane {
  readonly data: Uint8Array | Uint16Array;
  /** The position of the first pixel in `data`. */
  readonly offset: number;
  /** The distance between two neighbours in a row, and between two rows. */
  readonly pixelStride: number;
  readonly rowStride: number;
  /** The size of the plane, which is smaller for subsampled colours. */
  readonly width: number;
  readonly height: number;
}

/** How to convert YUV to RGB. */
export interface YuvRule {
  readonly matrix: "bt601" | "bt709" | "bt2020";
  readonly isFullRange: boolean;
  /** The bits per sample. */
  readonly depth: number;
}

export interface Picture extends Size {
  /** R, G and B, or Y, U and V. */
  readonly planes: readonly [Plane, Plane, Plane];
  /** Null if the planes are R, G and B. */
  readonly yuv: YuvRule | null;
}

/** How a stored picture must be turned so that it is upright. */
export interface Orientation {
  /** Degrees clockwise, before the flip. */
  readonly rotation: 0 | 90 | 180 | 270;
  /** Whether left and right are exchanged after the rotation. */
  readonly flip: boolean;
  /** The width of a stored pixel divided by its height. */
  readonly pixelAspect: number;
}

export const UPRIGHT: Orientation = {
  rotation: 0,
  flip: false,
  pixelAspect: 1,
};

/** Returns the picture of interleaved bytes, such as RGB or BGRA. */
export function interleaved(
  data: Uint8Array,
  width: number,
  height: number,
  order: "RGB" | "RGBA" | "BGRA",
  rowStride = width * order.length,
): Picture {
  const plane = (channel: string): Plane => ({
    data,
    offset: order.indexOf(channel),
    pixelStride: order.length,
    rowStride,
    width,
    height,
  });
  const planes = [plane("R"), plane("G"), plane("B")] as const;
  return { width, height, planes, yuv: null };
}
