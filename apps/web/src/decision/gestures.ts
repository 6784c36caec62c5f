/** GestureDecision: turns the logits of a stream into starts and ends. */

import { roundHalfEven } from "../artifact/quantization.ts";
import type { ArtifactSpec } from "../artifact/spec.ts";
import type { TensorSpec } from "../artifact/tensors.ts";

/** The start or the end of a gesture. */
export interface GestureEvent {
  readonly kind: "start" | "end";
  readonly label: string;
  /** At a start the score that started it, at an end its highest score. */
  readonly score: number;
  /** The time in the stream, in seconds. */
  readonly time: number;
  /** The name of the head that says so, if there are several. */
  readonly head?: string;
}

/** The rules by which a gesture starts and ends; see `docs/artifact.md`. */
export interface DecisionConfig {
  readonly average: number;
  readonly startScore: number;
  readonly endScore: number;
  readonly minDuration: number;
  readonly cooldown: number;
  /** Labels which mean that there is no gesture. They compete with others. */
  readonly noGesture: readonly string[];
  /** Labels that are left out, as if the network did not have them. */
  readonly ignored: readonly string[];
}

const DEFAULTS: DecisionConfig = {
  average: 1.0,
  startScore: 0.6,
  endScore: 0.4,
  minDuration: 0.2,
  cooldown: 0.5,
  noGesture: [],
  ignored: [],
};

/** Returns the rules of an artifact for one of its heads. */
export function decisionConfig(
  spec: ArtifactSpec,
  head: TensorSpec,
  given: Partial<DecisionConfig> = {},
): DecisionConfig {
  return { ...DEFAULTS, noGesture: head.noGesture, ...spec.decision, ...given };
}

/** Averages the logits of a stream and decides when gestures start and end. */
export class GestureDecision {
  /** The label of the current gesture, or null. */
  gesture: string | null = null;
  /** The softmax of the averaged logits; zeros before the first frame. */
  scores: Float32Array;
  private readonly competes: boolean[];
  private readonly isGesture: boolean[];
  private readonly config: DecisionConfig;
  private endedAt = -Infinity; // Microseconds; it outlives `end`.
  private recent: { now: number; logits: Float64Array }[] = [];
  private time = -Infinity;
  private leader: string | null = null;
  private leadsSince = 0;
  private best = 0; // The highest score of the gesture.

  constructor(
    private readonly labels: readonly string[],
    config: Partial<DecisionConfig> = {},
  ) {
    this.config = { ...DEFAULTS, ...config };
    const { ignored, noGesture } = this.config;
    this.competes = labels.map((label) => !ignored.includes(label));
    this.isGesture = labels.map(
      (label) => !ignored.includes(label) && !noGesture.includes(label),
    );
    if (!this.isGesture.includes(true)) {
      throw new Error("`ignored` and `no_gesture` leave no class.");
    }
    this.scores = new Float32Array(labels.length);
  }

  /** Takes the logits of the next frame.
   *
   * @param time Seconds, which never go back; call `end` before a new stream.
   * @returns The events at this frame: none, one, or an end and a start.
   */
  update(time: number, logits: ArrayLike<number>): GestureEvent[] {
    if (time < this.time) throw new Error("`time` must not go back.");
    this.time = time;
    const now = microseconds(time);
    // If time has started again, the cooldown starts again too.
    this.endedAt = Math.min(this.endedAt, now);
    this.recent.push({ now, logits: Float64Array.from(logits) });
    const average = microseconds(this.config.average);
    while (now - this.recent[0]!.now > average) this.recent.shift();
    this.scores = this.meanScores();
    const challenger = this.challenger(now);
    const events: GestureEvent[] = [];
    if (this.gesture !== null) {
      const score = this.scores[this.labels.indexOf(this.gesture)]!;
      this.best = Math.max(this.best, score);
      const isReplaced = challenger !== null && challenger !== this.gesture;
      if (score < this.config.endScore || isReplaced) {
        events.push(this.finish(this.gesture));
      }
    }
    const hasRested = now - this.endedAt >= microseconds(this.config.cooldown);
    if (this.gesture === null && challenger !== null && hasRested) {
      events.push(this.start(challenger));
    }
    return events;
  }

  /** Ends the current gesture and forgets the stream; keeps the cooldown.
   *
   * @param time When the gesture ends, if that is later than the last frame.
   */
  end(time = -Infinity): GestureEvent[] {
    this.time = Math.max(this.time, time);
    const events = this.gesture === null ? [] : [this.finish(this.gesture)];
    this.recent = [];
    this.time = -Infinity;
    this.leader = null;
    this.leadsSince = 0;
    this.best = 0;
    this.scores = new Float32Array(this.labels.length);
    return events;
  }

  private meanScores(): Float32Array {
    const count = this.recent.length;
    const mean = this.labels.map((_, k) => {
      if (!this.competes[k]) return -Infinity;
      let sum = 0;
      for (const { logits } of this.recent) sum += logits[k]!;
      return sum / count;
    });
    const highest = Math.max(...mean);
    const powers = mean.map((value) => Math.exp(value - highest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return Float32Array.from(powers, (power) => power / total);
  }

  /** Returns the gesture that has led for long enough to start. */
  private challenger(now: number): string | null {
    let best = 0;
    this.scores.forEach((score, k) => {
      if (score > this.scores[best]!) best = k;
    });
    const leads =
      this.isGesture[best]! && this.scores[best]! >= this.config.startScore;
    const leader = leads ? this.labels[best]! : null;
    if (leader !== this.leader) {
      this.leader = leader;
      this.leadsSince = now;
    }
    const duration = microseconds(this.config.minDuration);
    return now - this.leadsSince >= duration ? leader : null;
  }

  private start(label: string): GestureEvent {
    this.gesture = label;
    this.best = this.scores[this.labels.indexOf(label)]!;
    return { kind: "start", label, score: this.best, time: this.time };
  }

  private finish(label: string): GestureEvent {
    this.gesture = null;
    this.endedAt = microseconds(this.time);
    return { kind: "end", label, score: this.best, time: this.time };
  }
}

/** Whole microseconds, so that six frames at 30 Hz always last 0.2 s. */
function microseconds(seconds: number): number {
  return roundHalfEven(1e6 * Math.min(seconds, 1e15));
}
