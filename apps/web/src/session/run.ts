/** Run: takes the frames of one source through a network to events. */

import { uprightSize } from "../frames/geometry.ts";
import type { NetworkWorker } from "../network/client.ts";
import type { TimedFrame } from "../sources/source.ts";
import type { SourceEvent, Stream } from "./stream.ts";

/** What a run tells the page. */
export interface Watcher {
  /** Shows a frame, before the network takes it. */
  onPicture(frame: TimedFrame): void;
  /** Notes that the numbers of the run have changed. */
  onChange(run: Run): void;
  onEvents(events: readonly SourceEvent[]): void;
}

export class Run {
  /** Milliseconds that the last frame took. */
  latency = 0;
  fitting = 0;
  isPaused = false;
  protected isStopped = false;
  private resetWanted = false;
  private isTaking = false;
  private resume: () => void = () => {};

  constructor(
    readonly worker: NetworkWorker,
    readonly stream: Stream,
    protected readonly watcher: Watcher,
  ) {}

  /** Pauses, or goes on. */
  pause(isPaused: boolean): void {
    this.isPaused = isPaused;
    if (!isPaused) this.resume();
  }

  /** Ends what goes on and resets the caches, before the next frame. */
  async reset(): Promise<void> {
    this.resetWanted = true;
    if (!this.isTaking) await this.restart();
  }

  /** Ends the run soon. */
  stop(): void {
    this.isStopped = true;
    this.resume();
  }

  /** Shows a frame, and gives it to the network if it is due. */
  protected async take(timed: TimedFrame): Promise<void> {
    const { frame, time, orientation } = timed;
    this.isTaking = true;
    try {
      this.watcher.onPicture(timed);
      const step = this.stream.step(time);
      if (step === "restart" || this.resetWanted) await this.restart();
      const isTaken = step !== "skip";
      const size = uprightSize(frame.visibleRect!, orientation);
      this.stream.advance(time, isTaken, size);
      if (!isTaken) return;
      const result = await this.worker.step(frame, orientation);
      this.latency = result.latency;
      this.fitting = result.fitting;
      if (result.values) this.tell(this.stream.answer(result.values));
    } finally {
      frame.close();
      this.isTaking = false;
      this.watcher.onChange(this);
    }
  }

  protected tell(events: readonly SourceEvent[]): void {
    if (events.length > 0) this.watcher.onEvents(events);
  }

  /** Waits while the run is paused. */
  protected async whilePaused(): Promise<void> {
    while (this.isPaused && !this.isStopped) {
      await new Promise<void>((resolve) => (this.resume = resolve));
    }
  }

  /** Resets the caches, after the values that are due. */
  protected async finish(): Promise<void> {
    for (const values of await this.worker.finish()) {
      this.tell(this.stream.answer(values));
    }
  }

  private async restart(): Promise<void> {
    this.resetWanted = false;
    await this.finish();
    this.tell(this.stream.restart());
    this.watcher.onChange(this);
  }
}
