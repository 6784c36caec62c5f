/** EventsView: the list of events, and their text for other programs. */

import type { GestureEvent } from "../decision/gestures.ts";
import { find, make, onClick, readable } from "./elements.ts";

const SHOWN = 200; // Older lines leave the list, but not the text.

export class EventsView {
  private lines: string[] = [];
  private readonly list = find("events");

  constructor(private readonly tell: (message: string) => void) {
    onClick("copy-events", () => void this.copy());
    onClick("save-events", () => this.save());
  }

  /** Forgets all events. */
  clear(): void {
    this.lines = [];
    this.list.replaceChildren();
    this.update();
  }

  /** Adds events of a source. */
  add(source: string, events: readonly GestureEvent[]): void {
    for (const event of events) {
      this.lines.push(eventLine(source, event));
      const item = make("li");
      item.append(
        make("span", "", `${event.time.toFixed(2)} s`),
        make("span", "kind", event.kind),
        make("span", "label", titled(event)),
        make("span", "", `${Math.round(100 * event.score)} %`),
      );
      this.list.prepend(item);
      if (this.list.children.length > SHOWN) this.list.lastChild?.remove();
    }
    this.update();
  }

  private update(): void {
    const isEmpty = this.lines.length === 0;
    find("no-events").hidden = !isEmpty;
    for (const id of ["copy-events", "save-events"]) {
      find<HTMLButtonElement>(id).disabled = isEmpty;
    }
  }

  private get text(): string {
    return this.lines.map((line) => `${line}\n`).join("");
  }

  private async copy(): Promise<void> {
    await navigator.clipboard.writeText(this.text);
    this.tell("The events are in the clipboard.");
  }

  private save(): void {
    const link = document.createElement("a");
    const blob = new Blob([this.text], { type: "application/jsonl" });
    link.href = URL.createObjectURL(blob);
    link.download = "events.jsonl";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}

/** Returns the label of an event, after the name of its head. */
function titled({ head, label }: GestureEvent): string {
  return (head === undefined ? "" : `${readable(head)}: `) + readable(label);
}

/** Returns an event as a line of JSON, with the fields of `tsm-live`. */
export function eventLine(source: string, event: GestureEvent): string {
  const round = (value: number, digits: number) =>
    Number(value.toFixed(digits));
  return JSON.stringify({
    source,
    kind: event.kind,
    label: event.label,
    score: round(event.score, 4),
    time: round(event.time, 3),
    ...(event.head === undefined ? {} : { head: event.head }),
  });
}
