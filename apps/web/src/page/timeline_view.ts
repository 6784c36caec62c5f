/** TimelineView: the gestures or the objects of a source, from left to right. */

import type { SourceEvent, Stream } from "../session/stream.ts";
import { classColour, objectName } from "./classes.ts";
import { make, readable } from "./elements.ts";

const WINDOW = 20; // Seconds of a camera.
const TICKS = [1, 2, 5, 10, 30, 60, 300, 600, 3600]; // Seconds.
const MOST_TICKS = 7;
const MOST_ROWS = 8; // More objects at once share the last row.
const SPOKEN = 5; // The number of latest spans that screen readers get.

/** What goes on for some time. */
interface Span {
  /** A head, which has one gesture at a time, or an object. */
  readonly key: string;
  readonly row: number;
  readonly title: string;
  readonly start: number;
  end: number | null;
  readonly name: HTMLElement;
  readonly bar: HTMLElement;
}

export class TimelineView {
  private spans: Span[] = [];
  private now = 0;
  private rows: number;
  private readonly words: string; // What the spans are.
  private readonly ticks = make("div");
  private readonly line = make("div", "now");

  /**
   * @param length The seconds of a file, or null for a camera.
   */
  constructor(
    private readonly element: HTMLElement,
    private readonly stream: Pick<Stream, "gestures" | "objects">,
    private readonly length: number | null,
  ) {
    const { gestures } = stream;
    this.words = gestures === null ? "objects" : "gestures";
    this.rows = gestures === null ? 2 : gestures.heads.length;
    element.classList.toggle("of-objects", gestures === null);
    element.replaceChildren(this.line, this.ticks); // The line is behind.
    this.describe();
    this.draw();
  }

  /** Notes starts and ends of gestures or objects. */
  add(events: readonly SourceEvent[]): void {
    for (const event of events) {
      const key = "track" in event ? `${event.track}` : (event.head ?? "");
      if (event.kind === "start" || event.kind === "appear") {
        this.begin(key, event);
      } else {
        const span = this.spans.findLast((each) => each.key === key);
        if (span !== undefined) span.end = event.time;
      }
    }
    this.describe();
    this.draw();
  }

  /** Moves on to a time. */
  show(time: number): void {
    this.now = time;
    this.draw();
  }

  private begin(key: string, event: SourceEvent): void {
    const row = "track" in event ? this.freeRow() : this.headRow(key);
    const start = event.time;
    this.rows = Math.max(this.rows, row + 1);
    const title = "track" in event ? objectName(event) : readable(event.label);
    const name = make("span", "name", title);
    const bar = make("div", "span");
    bar.title = title;
    bar.style.background = classColour(this.indexOf(key, event.label));
    for (const each of [name, bar]) each.style.setProperty("--row", `${row}`);
    // The name of the span before may not lie over this one.
    const before = this.spans.findLast((each) => each.row === row);
    if (before !== undefined) {
      before.name.style.maxWidth = this.share(start - before.start);
    }
    this.element.append(bar, name);
    this.spans.push({ key, row, title, start, end: null, name, bar });
  }

  private headRow(key: string): number {
    return this.stream.gestures!.heads.findIndex(({ name }) => name === key);
  }

  /** Returns the first row in which nothing goes on. */
  private freeRow(): number {
    const busy = this.spans.filter(({ end }) => end === null);
    let row = 0;
    while (row < MOST_ROWS - 1 && busy.some((span) => span.row === row)) row++;
    return row;
  }

  private indexOf(key: string, label: string): number {
    const { gestures, objects } = this.stream;
    const labels =
      objects?.labels ?? gestures!.heads[this.headRow(key)]!.labels;
    return labels.indexOf(label);
  }

  private describe(): void {
    const names = this.spans.slice(-SPOKEN).map(({ title, start, end }) => {
      const until = end === null ? "on" : `to ${clock(end)}`;
      return `${title} from ${clock(start)} ${until}`;
    });
    this.element.setAttribute(
      "aria-label",
      names.length > 0
        ? `The last ${this.words}: ${names.join(", ")}`
        : `No ${this.words} yet`,
    );
  }

  private draw(): void {
    const length = this.length ?? WINDOW;
    const from = this.length === null ? Math.max(0, this.now - WINDOW) : 0;
    this.element.style.setProperty("--rows", `${this.rows}`);
    const isPast = ({ end }: Span) => end !== null && end < from;
    for (const { name, bar } of this.spans.filter(isPast)) {
      name.remove();
      bar.remove();
    }
    this.spans = this.spans.filter((span) => !isPast(span));
    for (const { start, end, name, bar } of this.spans) {
      name.style.left = bar.style.left = this.share(start - from);
      bar.style.width = this.share((end ?? this.now) - start);
    }
    const step = TICKS.find((tick) => length / tick <= MOST_TICKS) ?? 3600;
    const first = Math.floor(from / step) * step + step;
    const ticks: HTMLElement[] = [];
    for (let time = first; time < from + length; time += step) {
      const tick = make("span", "tick", clock(time));
      tick.style.left = this.share(time - from);
      ticks.push(tick);
    }
    this.ticks.replaceChildren(...ticks);
    this.line.style.left = this.share(Math.min(this.now - from, length));
  }

  /** Returns the part of the width that some seconds take. */
  private share(seconds: number): string {
    return `${(100 * seconds) / (this.length ?? WINDOW)}%`;
  }
}

/** Returns a time as minutes and seconds. */
function clock(seconds: number): string {
  const rest = Math.floor(seconds % 60);
  return `${Math.floor(seconds / 60)}:${String(rest).padStart(2, "0")}`;
}
