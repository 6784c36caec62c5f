/** Session: runs a streaming artifact frame by frame. */

import { asReal, quantize } from "../artifact/quantization.ts";
import type { ArtifactSpec } from "../artifact/spec.ts";
import { countElements, type TensorSpec } from "../artifact/tensors.ts";
import type { Network } from "../network/network.ts";
import { Encoder } from "./pixels.ts";

/** One `[size, size, 3]` RGB square, or null for a stream that stands still. */
export type Square = ArrayLike<number> | null;
/** The real values of `spec.results` for one stream. Those of a head are logits. */
export type Values = Float32Array[];

export class Session {
  private readonly encoder: Encoder;
  /** The number of frames that each stream has taken. */
  private readonly taken: number[];

  constructor(
    readonly spec: ArtifactSpec,
    readonly network: Network,
  ) {
    this.encoder = new Encoder(spec);
    this.taken = new Array<number>(spec.streams).fill(0);
  }

  /** Takes the next square of some or all streams.
   *
   * @param squares One entry per stream; a stream with null keeps its state.
   * @returns The values of each stream, null where there was no square. If the
   *     network looks ahead, they are those of the frame `spec.delay` steps
   *     ago, and null if the stream had not begun then.
   */
  async step(squares: readonly Square[]): Promise<(Values | null)[]> {
    const { streams } = this.spec;
    if (squares.length !== streams) {
      throw new Error(
        `There must be ${streams} entries, a square or null for each stream. ` +
          `Received: ${squares.length}`,
      );
    }
    return this.advance(squares, 0);
  }

  /** Ends a stream; its next square starts a new one.
   *
   * @returns The values that are due: those of its last `spec.delay` frames.
   */
  async finish(stream = 0): Promise<Values[]> {
    const { delay, imageSize, streams } = this.spec;
    const squares = new Array<Square>(streams).fill(null);
    squares[stream] = new Uint8Array(3 * imageSize ** 2);
    const rest: Values[] = [];
    for (let pastEnd = 1; pastEnd <= delay; pastEnd++) {
      const values = (await this.advance(squares, pastEnd))[stream]!;
      if (values !== null) rest.push(values);
    }
    await this.reset(stream);
    return rest;
  }

  /** Sets the caches of one stream, or of all, to their zero state. */
  async reset(stream?: number): Promise<void> {
    const zeros = this.spec.caches.map(zeroState);
    if (stream === undefined) {
      this.taken.fill(0);
      await this.network.writeState(zeros);
    } else {
      this.taken[stream] = 0;
      await this.restore(zeros, [stream]);
    }
  }

  /** Takes squares, or steps past the end of the streams with a square. */
  private async advance(
    squares: readonly Square[],
    pastEnd: number,
  ): Promise<(Values | null)[]> {
    const { streams, results, valid, delay } = this.spec;
    const idle = squares.flatMap((square, stream) =>
      square === null ? [stream] : [],
    );
    if (idle.length === streams) return squares.map(() => null);
    this.network.writeFrame((numbers) => this.encoder.write(squares, numbers));
    if (pastEnd === 0) {
      squares.forEach((square, i) => (this.taken[i]! += square ? 1 : 0));
    }
    // Whether a stream has the frame of so many steps ago.
    const exists = (stream: number, ago: number) => {
      const frame = this.taken[stream]! - 1 + pastEnd - ago;
      return frame >= 0 && frame < this.taken[stream]!;
    };
    if (valid !== null) {
      const entries = this.taken.flatMap((_, stream) =>
        valid.entries.map((ago) => Number(exists(stream, ago))),
      );
      this.network.writeValid(quantize(entries, valid));
    }
    const kept = idle.length > 0 ? await this.network.readState() : [];
    const outputs = await this.network.run();
    if (idle.length > 0) await this.restore(kept, idle);
    const values = outputs.map((numbers, i) => asReal(numbers, results[i]!));
    return squares.map((square, stream) =>
      square === null || !exists(stream, delay)
        ? null
        : values.map((all) => {
            const length = all.length / streams;
            return all.slice(stream * length, (stream + 1) * length);
          }),
    );
  }

  /** Sets the caches of some streams to what they are in `state`. */
  private async restore(
    state: readonly Uint8Array[],
    streams: readonly number[],
  ): Promise<void> {
    const current = await this.network.readState();
    current.forEach((bytes, cache) => {
      const length = bytes.length / this.spec.streams;
      for (const stream of streams) {
        const start = stream * length;
        bytes.set(state[cache]!.subarray(start, start + length), start);
      }
    });
    await this.network.writeState(current);
  }
}

/** Returns the bytes of a cache at the start of a stream. */
export function zeroState(cache: TensorSpec): Uint8Array {
  const width = { float32: 4, float16: 2, int8: 1, uint8: 1 }[cache.dtype];
  // The bytes of a float zero are zeros, as its zero point is.
  return new Uint8Array(width * countElements(cache)).fill(cache.zeroPoint);
}
