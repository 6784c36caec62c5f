/** ObjectDecision: tells when the objects of a detector appear and disappear. */

import type { Box, FoundBox } from "./boxes.ts";
import { Tracker, type Track, type TrackConfig } from "./tracks.ts";

/** An object appears or disappears. */
export interface ObjectEvent {
  readonly kind: "appear" | "disappear";
  /** The number of the object, counted from 1. */
  readonly track: number;
  readonly label: string;
  /** When it appears its score, when it disappears its highest score. */
  readonly score: number;
  /** The time in the stream, in seconds. */
  readonly time: number;
  /** Its last box, in pixels of the source's frames. */
  readonly box: Box;
}

/** An object that the network sees in a frame. */
export interface TrackedObject extends Omit<ObjectEvent, "kind" | "time"> {
  /** The index of its label. */
  readonly labelIndex: number;
  /** The centres of its latest boxes, the oldest first. */
  readonly trail: readonly (readonly [number, number])[];
}

export class ObjectDecision {
  private readonly tracker: Tracker;
  private time = -Infinity;

  constructor(
    readonly labels: readonly string[],
    config: Partial<TrackConfig> = {},
  ) {
    this.tracker = new Tracker(config);
  }

  /** The score that the box of an object must have; null for the artifact's. */
  get threshold(): number | null {
    return this.tracker.config.threshold;
  }

  /** Takes the boxes of the next frame, the best first. */
  update(time: number, found: readonly FoundBox[]): ObjectEvent[] {
    this.time = time;
    const { appeared, gone } = this.tracker.update(found);
    return [
      ...gone.map((track) => this.event("disappear", track)),
      ...appeared.map((track) => this.event("appear", track)),
    ];
  }

  /** Lets all objects disappear.
   *
   * @param time When they disappear, if that is later than the last frame.
   */
  end(time = -Infinity): ObjectEvent[] {
    this.time = Math.max(this.time, time);
    const events = this.tracker
      .end()
      .map((track) => this.event("disappear", track));
    this.time = -Infinity;
    return events;
  }

  /** Whether an object has appeared and not disappeared. */
  get isActive(): boolean {
    return this.tracker.tracks.length > 0;
  }

  /** The objects that are seen now, the oldest first. */
  get seen(): TrackedObject[] {
    return this.tracker.tracks
      .filter((track) => track.misses === 0)
      .map((track) => ({
        track: track.number,
        label: this.labels[track.label]!,
        labelIndex: track.label,
        score: track.score,
        box: track.last,
        trail: track.boxes.map(
          ([x0, y0, x1, y1]) => [(x0 + x1) / 2, (y0 + y1) / 2] as const,
        ),
      }));
  }

  private event(kind: ObjectEvent["kind"], track: Track): ObjectEvent {
    return {
      kind,
      track: track.number,
      label: this.labels[track.label]!,
      score: kind === "appear" ? track.score : track.best,
      time: this.time,
      box: track.last,
    };
  }
}
