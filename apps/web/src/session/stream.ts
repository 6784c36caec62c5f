/** Stream: the pacing, the decisions and the counters of one source. */

import type { ArtifactSpec } from "../artifact/spec.ts";
import {
  decisionConfig,
  GestureDecision,
  type GestureEvent,
} from "../decision/gestures.ts";
import { FramePacer, type Step } from "../decision/pacing.ts";
import type { Logits } from "./session.ts";

/** One head of the network, which decides by itself. */
export interface HeadState {
  /** The name of the head; empty if it is the only one. */
  readonly name: string;
  readonly labels: readonly string[];
  /** The probabilities of the labels, from the averaged logits. */
  scores: Float32Array;
  readonly decision: GestureDecision;
}

/** Call `step` with each frame, `restart` if it says so, then `advance`, and
 * `answer` with all logits of the network.
 *
 * A network that looks ahead answers late: events have the times of the frames
 * that the logits belong to.
 */
export class Stream {
  readonly heads: readonly HeadState[];
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
  /** The times of the frames that were taken and have no logits so far. */
  private waiting: number[] = [];

  constructor(spec: ArtifactSpec) {
    this.pacer = new FramePacer(spec.frameInterval);
    this.heads = spec.heads.map((head) => ({
      name: spec.heads.length > 1 ? head.name : "",
      labels: head.labels,
      scores: new Float32Array(head.labels.length),
      decision: new GestureDecision(head.labels, decisionConfig(spec, head)),
    }));
  }

  /** The current gestures, in the order of the heads. */
  get gestures(): string[] {
    return this.heads.flatMap(({ decision }) => decision.gesture ?? []);
  }

  /** Seconds without a frame after which the gestures of a camera end. */
  get longestSilence(): number {
    return this.pacer.longestSilence;
  }

  /** Says what to do with the next frame. */
  step(time: number): Step {
    return this.pacer.step(time);
  }

  /** Notes that the caches were reset, and ends all gestures. */
  restart(): GestureEvent[] {
    this.resets++;
    return this.decide((decision) => decision.end());
  }

  /** Notes a frame, and whether the network takes it. */
  advance(time: number, isTaken: boolean): void {
    this.time = time;
    this.frames++;
    if (!isTaken) return;
    this.processed++;
    this.waiting.push(time);
  }

  /** Takes the logits of the first frame that has none. */
  answer(logits: Logits): GestureEvent[] {
    const time = this.waiting.shift();
    if (time === undefined) return []; // Its stream has ended.
    const events = this.decide((decision, i) =>
      decision.update(time, logits[i]!),
    );
    for (const head of this.heads) head.scores = head.decision.scores;
    return events;
  }

  /** Ends all gestures: at the last frame, or at a later time. */
  end(time = this.time): GestureEvent[] {
    this.waiting = [];
    return this.decide((decision) => decision.end(time));
  }

  private decide(
    act: (decision: GestureDecision, index: number) => GestureEvent[],
  ): GestureEvent[] {
    return this.heads.flatMap(({ name, decision }, index) => {
      const events = act(decision, index);
      return name === "" ? events : events.map((e) => ({ ...e, head: name }));
    });
  }
}
