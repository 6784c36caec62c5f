/** ResultsView: what a network says, for either task: now and over time. */

import type { SourceEvent, Stream } from "../session/stream.ts";
import { find } from "./elements.ts";
import { countObjects, ObjectsView } from "./objects_view.ts";
import { objectName } from "./classes.ts";
import { ScoresView } from "./scores_view.ts";
import { TimelineView } from "./timeline_view.ts";

/** The words of the page that differ between tasks, by the id of an element. */
const GESTURE_WORDS = {
  "timeline-title": "Gestures over time",
  "no-events": "A line appears when a gesture starts and when it ends.",
};
const OBJECT_WORDS: typeof GESTURE_WORDS = {
  "timeline-title": "Objects over time",
  "no-events": "A line appears when an object appears and when it disappears.",
};

export class ResultsView {
  private readonly timeline: TimelineView;
  private readonly scores: ScoresView | null;
  private readonly objects: ObjectsView | null;

  /**
   * @param length The seconds of a file, or null for a camera.
   */
  constructor(stream: Stream, length: number | null) {
    const { gestures } = stream;
    const words = gestures === null ? OBJECT_WORDS : GESTURE_WORDS;
    for (const [id, text] of Object.entries(words)) {
      find(id).textContent = text;
    }
    const element = find("scores");
    this.scores = gestures && new ScoresView(element, gestures.heads);
    this.objects = gestures === null ? new ObjectsView(element) : null;
    this.timeline = new TimelineView(find("timeline"), stream, length);
    this.describe(stream);
  }

  /** Notes events of the source. */
  add(events: readonly SourceEvent[]): void {
    this.timeline.add(events);
  }

  /** Shows where a source is. */
  show(stream: Stream): void {
    if (stream.gestures !== null) this.scores?.show(stream.gestures.heads);
    if (stream.objects !== null) this.objects?.show(stream.objects.seen);
    this.timeline.show(stream.time);
    this.describe(stream);
  }

  /** Describes the picture to screen readers. */
  private describe({ objects }: Stream): void {
    let words = "The picture";
    if (objects !== null) {
      const names = objects.seen.map(objectName).join(", ");
      words += ` with ${countObjects(objects.seen.length).toLowerCase()}`;
      if (names !== "") words += `: ${names}`;
    }
    const picture = find("picture");
    if (picture.getAttribute("aria-label") !== words) {
      picture.setAttribute("aria-label", words);
    }
  }
}
