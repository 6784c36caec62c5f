/** Network: a loaded model that keeps the caches of its streams. */

import type { Numbers } from "../artifact/quantization.ts";

export type Backend = "cpu" | "webgpu";

export interface Network {
  /** What runs the network. */
  readonly backend: Backend;
  /** The number of threads on the CPU. */
  readonly threads: number;
  /** The bytes of memory that the CPU's runtime holds; it never shrinks. */
  readonly memory: number;

  /** Lets a function write the image input. The memory is valid only in it. */
  writeFrame(write: (numbers: Numbers) => void): void;

  /** Sets the input with the role `valid`, if the network has it. */
  writeValid(numbers: Numbers): void;

  /** Takes the next frame of every stream and feeds the caches back.
   *
   * @returns The numbers of each of `spec.results`.
   */
  run(): Promise<Numbers[]>;

  /** Returns the bytes of every cache, in the order of the spec. */
  readState(): Promise<Uint8Array[]>;

  /** Sets every cache to such bytes. */
  writeState(state: readonly Uint8Array[]): Promise<void>;

  /** Releases the memory of the network. */
  close(): void;
}
