/** TimelineView: the gestures of a source, from left to right. */

import type { GestureEvent } from "../decision/gestures.ts";
import type { HeadState } from "../session/stream.ts";
import { make, readable } from "./elements.ts";

const WINDOW = 20; // Seconds of a camera.
const TICKS = [1, 2, 5, 10, 30, 60, 300, 600, 3600]; // Seconds.
const MOST_TICKS = 7;

const ROW = 38; // Pixels of each head.

interface Span {
  readonly head: number;
  readonly label: string;
  readonly start: number;
  end: number | null;
}

export class TimelineView {
  private spans: Span[] = [];
  private now = 0;

  /**
   * @param length The seconds of a file, or null for a camera.
   */
  constructor(
    private readonly element: HTMLElement,
    private readonly heads: readonly Pick<HeadState, "name" | "labels">[],
    private readonly length: number | null,
  ) {
    element.style.height = `${ROW * Math.max(1, heads.length) + 26}px`;
    this.draw();
  }

  /** Notes starts and ends of gestures. */
  add(events: readonly GestureEvent[]): void {
    for (const { kind, label, time, head: name = "" } of events) {
      const head = this.heads.findIndex((each) => each.name === name);
      if (kind === "start") {
        this.spans.push({ head, label, start: time, end: null });
      } else {
        const span = this.spans.findLast((each) => each.head === head);
        if (span !== undefined) span.end = time;
      }
    }
    const names = this.spans.slice(-5).map((span) => readable(span.label));
    this.element.setAttribute(
      "aria-label",
      names.length > 0
        ? `The last gestures: ${names.join(", ")}`
        : "No gestures yet",
    );
    this.draw();
  }

  /** Moves on to a time. */
  show(time: number): void {
    this.now = time;
    this.draw();
  }

  private draw(): void {
    const length = this.length ?? WINDOW;
    const from = this.length === null ? Math.max(0, this.now - WINDOW) : 0;
    const place = (time: number) => `${(100 * (time - from)) / length}%`;
    this.spans = this.spans.filter((span) => (span.end ?? this.now) >= from);
    const children = this.spans.flatMap((span, index) => {
      const end = span.end ?? this.now;
      const later = this.spans.slice(index + 1);
      const next = later.find((each) => each.head === span.head);
      const name = make("span", "name", readable(span.label));
      const bar = make("div", "span");
      name.style.left = bar.style.left = place(span.start);
      const width = (seconds: number) => `${(100 * seconds) / length}%`;
      bar.style.width = width(end - span.start);
      // The name of the next gesture may not lie over this one.
      if (next) name.style.maxWidth = width(next.start - span.start);
      bar.style.background = this.colour(span);
      name.style.top = `${ROW * span.head + 5}px`;
      bar.style.top = `${ROW * span.head + 27}px`;
      return [name, bar];
    });
    const step = TICKS.find((tick) => length / tick <= MOST_TICKS) ?? 3600;
    const first = Math.floor(from / step) * step + step;
    for (let time = first; time < from + length; time += step) {
      const tick = make("span", "tick", clock(time));
      tick.style.left = place(time);
      children.push(tick);
    }
    const now = make("div", "now");
    now.style.left = place(Math.min(this.now, from + length));
    this.element.replaceChildren(now, ...children); // The line is behind.
  }

  private colour({ head, label }: Span): string {
    const { labels } = this.heads[head]!;
    const place = labels.indexOf(label) / labels.length;
    return `hsl(${Math.round(225 + 360 * place)} 62% 42%)`;
  }
}

/** Returns a time as minutes and seconds. */
export function clock(seconds: number): string {
  const rest = Math.floor(seconds % 60);
  return `${Math.floor(seconds / 60)}:${String(rest).padStart(2, "0")}`;
}
