/** CameraRun: runs the newest frames of a camera until it is stopped. */

import type { Camera } from "../sources/camera.ts";
import { Run } from "./run.ts";

const CHECK = 250; // Milliseconds between checks for silence.

export class CameraRun extends Run {
  private takenAt = performance.now();

  /** Takes frames; if the network is late, older ones are dropped.
   *
   * @throws Error if the network fails.
   */
  async run(camera: Camera): Promise<void> {
    let arrived: () => void = () => {};
    camera.onFrame = () => arrived();
    camera.onEnd = () => this.stop();
    const timer = setInterval(() => this.checkSilence(), CHECK);
    try {
      while (!this.isStopped) {
        const timed = camera.poll();
        if (timed === null) {
          await new Promise<void>((resolve) => {
            arrived = resolve;
            setTimeout(resolve, CHECK);
          });
          continue;
        }
        if (this.isPaused) {
          timed.frame.close();
          continue;
        }
        this.stream.dropped = camera.dropped;
        await this.take(timed);
        this.takenAt = performance.now();
      }
    } finally {
      clearInterval(timer);
      this.endNow();
    }
  }

  /** Ends what goes on when a camera sends no more frames. */
  private checkSilence(): void {
    const silence = (performance.now() - this.takenAt) / 1000;
    const isSilent = silence > this.stream.longestSilence;
    if (isSilent && this.stream.isActive) this.endNow();
  }

  private endNow(): void {
    const silence = (performance.now() - this.takenAt) / 1000;
    this.tell(this.stream.end(this.stream.time + silence));
    this.watcher.onChange(this);
  }
}
