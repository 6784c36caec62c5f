/** PlacedPicture: a picture in the memory of the kernels. */

import { kernels, reserve } from "./kernels.ts";
import type { Picture, Plane, YuvRule } from "./picture.ts";

/** One channel. The strides are in samples, as in `Plane`. */
export interface PlacedPlane extends Omit<Plane, "data" | "offset"> {
  /** The address of the first sample. */
  readonly at: number;
  /** 1, or 2 for samples of more than 8 bits. */
  readonly sampleBytes: number;
}

export interface PlacedPicture {
  readonly width: number;
  readonly height: number;
  readonly planes: readonly PlacedPlane[];
  readonly yuv: YuvRule | null;
}

/** Copies the planes of a picture, unless they are in the memory already. */
export function place(picture: Picture): PlacedPicture {
  const places = new Map<Plane["data"], number>();
  const planes = picture.planes.map(({ data, offset, ...plane }) => {
    const start = places.get(data) ?? placeBytes(data);
    places.set(data, start);
    const sampleBytes = data.BYTES_PER_ELEMENT;
    return { ...plane, at: start + offset * sampleBytes, sampleBytes };
  });
  return { ...picture, planes };
}

function placeBytes(data: Plane["data"]): number {
  const { memory } = kernels;
  if (data.buffer === memory.buffer) return data.byteOffset;
  const at = reserve(data.byteLength);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  new Uint8Array(memory.buffer).set(bytes, at);
  return at;
}
