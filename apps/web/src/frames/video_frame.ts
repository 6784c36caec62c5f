/** FrameReader: copies the pixels of a VideoFrame as they are stored. */

import { kernels, release, reserve, usedBytes } from "./kernels.ts";
import {
  interleaved,
  type Picture,
  type Plane,
  type YuvRule,
} from "./picture.ts";

const MATRICES: Record<string, YuvRule["matrix"]> = {
  bt709: "bt709",
  "bt2020-ncl": "bt2020",
};
// The subsampling of the colours along x and y.
const YUV_FORMATS: Record<string, readonly [number, number]> = {
  I420: [2, 2],
  I422: [2, 1],
  I444: [1, 1],
};
const RGB_ORDERS: Record<string, "RGBA" | "BGRA"> = {
  RGBA: "RGBA",
  RGBX: "RGBA",
  BGRA: "BGRA",
  BGRX: "BGRA",
};

/** Reads frames, one after the other, into the memory of the kernels. */
export class FrameReader {
  private readonly start = usedBytes();

  /** Returns the pixels of a frame, in the format in which it is stored.
   *
   * The picture is valid until the next frame is read. A format that this code
   * does not know is converted by the browser.
   */
  async read(frame: VideoFrame): Promise<Picture> {
    if (!isKnown(frame.format)) return drawn(frame);
    const size = frame.allocationSize();
    release(this.start);
    const at = reserve(size);
    const bytes = new Uint8Array(kernels.memory.buffer, at, size);
    const layout = await frame.copyTo(bytes);
    return asPicture(frame, bytes, layout);
  }
}

const YUV = /^(NV12|I4\d\d)A?(?:P(1\d))?$/; // Transparency is left out.

function isKnown(format: string | null): boolean {
  return format !== null && (YUV.test(format) || format in RGB_ORDERS);
}

function asPicture(
  frame: VideoFrame,
  bytes: Uint8Array<ArrayBuffer>,
  layout: readonly PlaneLayout[],
): Picture {
  const format: string = frame.format!;
  const { width, height } = frame.visibleRect!;
  const [, base, bits] = YUV.exec(format) ?? [];
  if (base === undefined) {
    const order = RGB_ORDERS[format]!;
    const pixels = bytes.subarray(layout[0]!.offset);
    return interleaved(pixels, width, height, order, layout[0]!.stride);
  }
  const depth = Number(bits ?? 8);
  const { buffer, byteOffset, byteLength } = bytes;
  const data =
    depth > 8 ? new Uint16Array(buffer, byteOffset, byteLength / 2) : bytes;
  const sampleBytes = data.BYTES_PER_ELEMENT;
  const [columns, rows] = YUV_FORMATS[base] ?? [2, 2];
  const plane = (index: number, channel = 0): Plane => {
    const isColour = index > 0;
    return {
      data,
      offset: layout[index]!.offset / sampleBytes + channel,
      pixelStride: isColour && base === "NV12" ? 2 : 1,
      rowStride: layout[index]!.stride / sampleBytes,
      width: isColour ? Math.ceil(width / columns) : width,
      height: isColour ? Math.ceil(height / rows) : height,
    };
  };
  const colours =
    base === "NV12"
      ? ([plane(1, 0), plane(1, 1)] as const)
      : ([plane(1), plane(2)] as const);
  const { matrix, fullRange } = frame.colorSpace;
  return {
    width,
    height,
    planes: [plane(0), ...colours],
    yuv: {
      matrix: MATRICES[matrix ?? ""] ?? "bt601",
      isFullRange: fullRange ?? false,
      depth,
    },
  };
}

/** Returns what the browser draws for a frame. */
function drawn(frame: VideoFrame): Picture {
  const { width, height } = frame.visibleRect!;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(frame, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  return interleaved(new Uint8Array(data.buffer), width, height, "RGBA");
}
