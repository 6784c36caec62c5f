/** Encoder: writes the bytes of squares into the image input of a network. */

import { quantize, type Numbers } from "../artifact/quantization.ts";
import type { ArtifactSpec } from "../artifact/spec.ts";

export class Encoder {
  private readonly table: Numbers; // The number for each of the 256 bytes.
  private readonly length: number; // Values per square.

  constructor(spec: ArtifactSpec) {
    const bytes = Array.from({ length: 256 }, (_, byte) => byte);
    this.table = quantize(bytes, spec.frame);
    this.length = 3 * spec.imageSize ** 2;
  }

  /** Writes one square per stream; null leaves its part as it is. */
  write(
    squares: readonly (ArrayLike<number> | null)[],
    numbers: Numbers,
  ): void {
    const { table, length } = this;
    squares.forEach((square, stream) => {
      if (square === null) return;
      if (square.length !== length) {
        throw new Error(
          `A square must have ${length} values. Received: ${square.length}`,
        );
      }
      const start = stream * length;
      for (let i = 0; i < length; i++) numbers[start + i] = table[square[i]!]!;
    });
  }
}
