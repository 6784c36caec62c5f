/** HeadDecisions: the heads of a network, each of which decides by itself. */

import type { ArtifactSpec } from "../artifact/spec.ts";
import {
  decisionConfig,
  GestureDecision,
  type GestureEvent,
} from "./gestures.ts";

export interface HeadState {
  /** The name of the head; empty if it is the only one. */
  readonly name: string;
  readonly labels: readonly string[];
  /** The probabilities of the labels, from the averaged logits. */
  scores: Float32Array;
  readonly decision: GestureDecision;
}

export class HeadDecisions {
  readonly heads: readonly HeadState[];

  constructor(spec: ArtifactSpec) {
    this.heads = spec.heads.map((head) => ({
      name: spec.heads.length > 1 ? head.name : "",
      labels: head.labels,
      scores: new Float32Array(head.labels.length),
      decision: new GestureDecision(head.labels, decisionConfig(spec, head)),
    }));
  }

  /** The current gestures, in the order of the heads. */
  get current(): string[] {
    return this.heads.flatMap(({ decision }) => decision.gesture ?? []);
  }

  get isActive(): boolean {
    return this.current.length > 0;
  }

  /** Takes the logits of each head for the next frame. */
  update(time: number, logits: readonly Float32Array[]): GestureEvent[] {
    const events = this.decide((decision, head) =>
      decision.update(time, logits[head]!),
    );
    for (const head of this.heads) head.scores = head.decision.scores;
    return events;
  }

  /** Ends all gestures. */
  end(time?: number): GestureEvent[] {
    return this.decide((decision) => decision.end(time));
  }

  private decide(
    act: (decision: GestureDecision, head: number) => GestureEvent[],
  ): GestureEvent[] {
    return this.heads.flatMap(({ name, decision }, head) => {
      const events = act(decision, head);
      return name === "" ? events : events.map((e) => ({ ...e, head: name }));
    });
  }
}
