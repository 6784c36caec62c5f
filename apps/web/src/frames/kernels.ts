/** The kernels of `kernels/resample.ts`, and the memory that they work in. */

import code from "../../kernels/resample.ts?wasm";

/** Addresses are numbers of bytes from the start of the memory. */
interface Kernels {
  readonly memory: WebAssembly.Memory;
  addRows(
    first: number,
    rowBytes: number,
    sampleBytes: number,
    weights: number,
    rows: number,
    sums: number,
    count: number,
  ): void;
  meansOfAreas(
    sums: number,
    stride: number,
    count: number,
    line: number,
    edges: number,
    share: number,
    means: number,
    size: number,
  ): void;
  interpolate(
    samples: number,
    stride: number,
    places: number,
    values: number,
    size: number,
  ): void;
  storeRgb(
    reds: number,
    greens: number,
    blues: number,
    rgb: number,
    size: number,
  ): void;
  convertYuv(
    ys: number,
    us: number,
    vs: number,
    black: number,
    middle: number,
    luma: number,
    redV: number,
    greenU: number,
    greenV: number,
    blueU: number,
    rgb: number,
    size: number,
  ): void;
}

const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
export const kernels = exports as unknown as Kernels;

const PAGE = 65536; // The unit of WebAssembly's memory.
const MARGIN = 64; // Kernels read and write so far behind an array.
const ALIGNMENT = 16;

let used = 0;

/** Reserves bytes and returns their address.
 *
 * If the memory grows, all views of it become empty: make them afterwards.
 */
export function reserve(bytes: number): number {
  const at = used;
  used = Math.ceil((at + bytes + MARGIN) / ALIGNMENT) * ALIGNMENT;
  const missing = used - kernels.memory.buffer.byteLength;
  if (missing > 0) kernels.memory.grow(Math.ceil(missing / PAGE));
  return at;
}

/** Reserves float64 values; the values, and zeros behind them, are written. */
export function reserveFloats(values: ArrayLike<number>): number {
  const at = reserve(8 * values.length);
  new Uint8Array(kernels.memory.buffer, at, used - at).fill(0);
  new Float64Array(kernels.memory.buffer, at, values.length).set(values);
  return at;
}

/** Reserves places between values that lie `stride` bytes apart.
 *
 * They are read by `between` in `kernels/resample.ts`.
 */
export function reservePlaces(
  places: readonly number[],
  stride: number,
): number {
  const at = reserve(16 * places.length);
  const view = new DataView(kernels.memory.buffer, at);
  places.forEach((place, i) => {
    const index = Math.floor(place);
    view.setUint32(16 * i, index * stride, true);
    view.setFloat64(16 * i + 8, place - index, true);
  });
  return at;
}

/** Returns how many bytes are in use, for `release`. */
export function usedBytes(): number {
  return used;
}

/** Frees everything that was reserved after `usedBytes` was asked. */
export function release(bytes: number): void {
  used = bytes;
}
