/** FrameDrawer: draws frames in the faster of two ways.
 *
 * A canvas can draw a frame itself, which is best with a GPU. Without one it
 * converts each frame into new shared memory. Then it is faster to convert the
 * frame into memory that is used again, and to draw this copy. No browser says
 * what it will do, so both ways are tried; they draw the same pixels.
 */

import type { Size } from "../frames/picture.ts";

const TRIES = 5; // Of each way; the fastest one counts.
// Frames of more than 8 bits may need tone mapping, which a copy lacks.
const COPIED = /^(NV12|I4\d\d)$/;

type Way = "itself" | "copy";

export class FrameDrawer {
  private readonly times: Record<Way, number[]> = { itself: [], copy: [] };
  private canCopy = true;
  private copied: OffscreenCanvasRenderingContext2D | null = null;
  private pixels: ImageData | null = null;

  /** Calls the function `draw` with the frame, or with a copy of it. */
  async draw(
    frame: VideoFrame,
    draw: (source: CanvasImageSource) => void,
  ): Promise<void> {
    if (!this.canCopy || !COPIED.test(frame.format ?? "")) {
      draw(frame);
      return;
    }
    const way = this.choose();
    const start = performance.now();
    const copy = way === "copy" ? await this.copy(frame) : null;
    draw(copy ?? frame);
    const times = this.times[way];
    if (times.length < TRIES) times.push(performance.now() - start);
  }

  private choose(): Way {
    const { itself, copy } = this.times;
    if (itself.length < TRIES) {
      return copy.length <= itself.length ? "copy" : "itself";
    }
    return Math.min(...copy) < Math.min(...itself) ? "copy" : "itself";
  }

  /** Returns a canvas with the frame, or null if the browser cannot copy it. */
  private async copy(frame: VideoFrame): Promise<OffscreenCanvas | null> {
    const { width, height } = frame.visibleRect!;
    const { pixels, copied } = this.roomFor({ width, height });
    const options = { format: "RGBA" } as const;
    try {
      // Older browsers copy the frame in its own format, or fail.
      const bytes = frame.allocationSize(options);
      this.canCopy = bytes === pixels.data.length;
      if (this.canCopy) await frame.copyTo(pixels.data, options);
    } catch {
      this.canCopy = false;
    }
    if (!this.canCopy) return null;
    copied.putImageData(pixels, 0, 0);
    return copied.canvas;
  }

  private roomFor({ width, height }: Size) {
    if (this.pixels?.width !== width || this.pixels.height !== height) {
      this.pixels = new ImageData(width, height);
      this.copied = new OffscreenCanvas(width, height).getContext("2d");
    }
    return { pixels: this.pixels, copied: this.copied! };
  }
}
