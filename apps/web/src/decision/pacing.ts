/** FramePacer: chooses the frames for the network, and when to reset it. */

/** What to do with a frame; at `restart` the caches are reset first. */
export type Step = "skip" | "take" | "restart";

/** Picks the frames that are nearest to a grid of `interval` seconds.
 *
 * If frames come less often than that, it takes each of them and the grid
 * starts again there.
 */
export class FramePacer {
  /** Seconds without a frame after which the gesture of a camera ends. */
  readonly longestSilence: number;
  private last: number | null = null;
  private due = 0;

  /**
   * @param interval The seconds between two frames in training; 0 takes every
   *     frame.
   * @param maxGap The network starts anew when more seconds than this pass
   *     between two frames.
   */
  constructor(
    private readonly interval: number,
    private readonly maxGap = Math.max(1, 3 * interval),
  ) {
    this.longestSilence = Number.isFinite(maxGap)
      ? maxGap
      : Math.max(1, 3 * interval);
  }

  /** Treats the next frame as the first one of a stream. */
  restart(): void {
    this.last = null;
  }

  /** Says what to do with the next frame, whose time is in seconds. */
  step(time: number): Step {
    if (this.last === null) return this.begin(time, "take");
    const passed = time - this.last;
    if (passed < 0 || passed > this.maxGap) return this.begin(time, "restart");
    this.last = time;
    // The next frame is expected at `time + passed`. Skip this one if the next
    // one will be nearer to the grid.
    if (time + passed / 2 < this.due) return "skip";
    this.due += this.interval;
    if (this.due <= time) this.due = time + this.interval;
    return "take";
  }

  private begin(time: number, step: Step): Step {
    this.last = time;
    this.due = time + this.interval;
    return step;
  }
}
