/** Stream: the pacing, the decision and the counters of one source. */

import type { ArtifactSpec } from "../artifact/spec.ts";
import {
  decisionConfig,
  GestureDecision,
  type DecisionConfig,
  type GestureEvent,
} from "../decision/gestures.ts";
import { FramePacer, type Step } from "../decision/pacing.ts";

/** Call `step` with each frame, `restart` if it says so, then `advance`. */
export class Stream {
  readonly labels: readonly string[];
  /** The number of frames of the source, and of those that were taken. */
  frames = 0;
  processed = 0;
  /** The number of frames that a newer one replaced. */
  dropped = 0;
  /** The number of times that the caches were reset. */
  resets = 0;
  /** The time of the last frame, in seconds since the first. */
  time = 0;
  /** The probabilities of the labels, from the averaged logits. */
  scores: Float32Array;
  private readonly pacer: FramePacer;
  private readonly decision: GestureDecision;

  constructor(spec: ArtifactSpec, given: Partial<DecisionConfig> = {}) {
    const head = spec.heads[0]!;
    this.labels = head.labels;
    this.pacer = new FramePacer(spec.frameInterval);
    this.decision = new GestureDecision(
      head.labels,
      decisionConfig(spec, head, given),
    );
    this.scores = this.decision.scores;
  }

  /** The current gesture, or null. */
  get gesture(): string | null {
    return this.decision.gesture;
  }

  /** Seconds without a frame after which the gesture of a camera ends. */
  get longestSilence(): number {
    return this.pacer.longestSilence;
  }

  /** Says what to do with the next frame. */
  step(time: number): Step {
    return this.pacer.step(time);
  }

  /** Notes that the caches were reset, and ends the gesture. */
  restart(): GestureEvent[] {
    this.resets++;
    return this.decision.end();
  }

  /** Takes a frame, with its logits if the network took it. */
  advance(time: number, logits: ArrayLike<number> | null): GestureEvent[] {
    this.time = time;
    this.frames++;
    if (logits === null) return [];
    this.processed++;
    const events = this.decision.update(time, logits);
    this.scores = this.decision.scores;
    return events;
  }

  /** Ends the current gesture: at the last frame, or at a later time. */
  end(time = this.time): GestureEvent[] {
    return this.decision.end(time);
  }
}
