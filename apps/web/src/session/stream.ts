/** Stream: the pacing, the decision and the counters of one source. */

import type { ArtifactSpec } from "../artifact/spec.ts";
import type { GestureEvent } from "../decision/gestures.ts";
import { HeadDecisions } from "../decision/heads.ts";
import { FramePacer, type Step } from "../decision/pacing.ts";
import { findBoxes } from "../detection/boxes.ts";
import { ObjectDecision, type ObjectEvent } from "../detection/objects.ts";
import type { TrackConfig } from "../detection/tracks.ts";
import type { Size } from "../frames/picture.ts";
import type { Values } from "./session.ts";

/** What happens in a source. */
export type SourceEvent = GestureEvent | ObjectEvent;

/** Call `step` with each frame, `restart` if it says so, then `advance`, and
 * `answer` with all values of the network.
 *
 * A network that looks ahead answers late: events have the times of the frames
 * that the values belong to.
 */
export class Stream {
  /** What a detector sees; null for other networks. */
  readonly objects: ObjectDecision | null;
  /** What a network that classifies sees; null for others. */
  readonly gestures: HeadDecisions | null;
  /** The number of frames of the source, and of those that were taken. */
  frames = 0;
  processed = 0;
  /** The number of frames that a newer one replaced. */
  dropped = 0;
  /** The number of times that the caches were reset. */
  resets = 0;
  /** The time of the last frame, in seconds since the first. */
  time = 0;
  private readonly pacer: FramePacer;
  /** The frames that were taken and have no values so far. */
  private waiting: { time: number; size: Size }[] = [];

  /**
   * @param rules How the objects of a detector appear and disappear, where
   *     that is not usual.
   */
  constructor(
    private readonly spec: ArtifactSpec,
    rules: Partial<TrackConfig> = {},
  ) {
    this.pacer = new FramePacer(spec.frameInterval);
    const isDetector = spec.detection !== null;
    const { labels } = spec.results[0]!;
    this.objects = isDetector ? new ObjectDecision(labels, rules) : null;
    this.gestures = isDetector ? null : new HeadDecisions(spec);
  }

  /** Seconds without a frame after which what a camera shows ends. */
  get longestSilence(): number {
    return this.pacer.longestSilence;
  }

  /** Whether a gesture goes on, or an object is there. */
  get isActive(): boolean {
    return this.decision.isActive;
  }

  /** Says what to do with the next frame. */
  step(time: number): Step {
    return this.pacer.step(time);
  }

  /** Notes that the caches were reset, and ends all gestures and objects. */
  restart(): SourceEvent[] {
    this.resets++;
    return this.decision.end();
  }

  /** Notes a frame, and whether the network takes it.
   *
   * @param size The size of the upright frame.
   */
  advance(time: number, isTaken: boolean, size: Size): void {
    this.time = time;
    this.frames++;
    if (!isTaken) return;
    this.processed++;
    this.waiting.push({ time, size });
  }

  /** Takes the values of the first frame that has none. */
  answer(values: Values): SourceEvent[] {
    const frame = this.waiting.shift();
    if (frame === undefined) return []; // Its stream has ended.
    const { time, size } = frame;
    const { objects, gestures } = this;
    if (objects === null) return gestures!.update(time, values);
    const found = findBoxes(this.spec, values, size, objects.threshold);
    return objects.update(time, found);
  }

  /** Ends all gestures and objects: at the last frame, or at a later time. */
  end(time = this.time): SourceEvent[] {
    this.waiting = [];
    return this.decision.end(time);
  }

  private get decision(): ObjectDecision | HeadDecisions {
    return (this.objects ?? this.gestures)!;
  }
}
