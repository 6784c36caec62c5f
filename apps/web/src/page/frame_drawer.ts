/** FrameDrawer: draws frames in the cheaper of two ways.
 *
 * A canvas draws a frame itself, which is best with a GPU. Without one it
 * converts the frame into new shared memory each time, and it takes half the
 * time to copy the frame into memory that is used again and to draw the copy.
 * No browser says which one it will be, so both ways are tried.
 */

import type { Size } from "../frames/picture.ts";

const TRIES = 5; // Of each way; the fastest one counts.
// A copy of these formats has the colours that a canvas draws. Frames of more
// than 8 bits may need tone mapping, which a copy lacks.
const COPIED = /^(NV12|I4\d\d)$/;

type Way = "itself" | "copy";

export class FrameDrawer {
  private readonly times: Record<Way, number[]> = { itself: [], copy: [] };
  private canCopy = true;
  private copied: OffscreenCanvasRenderingContext2D | null = null;
  private pixels: ImageData | null = null;

  /** Calls a function that draws a frame, with what it draws. */
  async draw(
    frame: VideoFrame,
    draw: (source: CanvasImageSource) => void,
  ): Promise<void> {
    const way = this.choose(frame);
    const start = performance.now();
    const copy = way === "copy" ? await this.copy(frame) : null;
    draw(copy ?? frame);
    this.times[way].push(performance.now() - start);
    if (this.times[way].length > TRIES) this.times[way].pop();
  }

  private choose(frame: VideoFrame): Way {
    if (!this.canCopy || !COPIED.test(frame.format ?? "")) return "itself";
    const { itself, copy } = this.times;
    if (copy.length < TRIES || itself.length < TRIES) {
      return copy.length <= itself.length ? "copy" : "itself";
    }
    return Math.min(...copy) < Math.min(...itself) ? "copy" : "itself";
  }

  /** Returns a canvas with the frame, or null if the browser cannot copy it. */
  private async copy(frame: VideoFrame): Promise<OffscreenCanvas | null> {
    const { width, height } = frame.visibleRect!;
    const { pixels, copied } = this.roomFor({ width, height });
    try {
      await frame.copyTo(pixels.data, { format: "RGBA" });
    } catch {
      this.canCopy = false; // An older browser.
      return null;
    }
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
