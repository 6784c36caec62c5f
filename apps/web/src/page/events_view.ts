/** EventsView: the list of events, and their text for other programs. */

import { roundDecimal } from "../artifact/quantization.ts";
import type { SourceEvent } from "../session/stream.ts";
import { objectName, percent } from "./classes.ts";
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
  add(source: string, events: readonly SourceEvent[]): void {
    for (const event of events) {
      this.lines.push(eventLine(source, event));
      const item = make("li");
      item.append(
        make("span", "", `${event.time.toFixed(2)} s`),
        make("span", "kind", event.kind),
        make("span", "label", titleOf(event)),
        make("span", "", percent(event.score)),
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

/** Returns what an event is about: an object, or the gesture of a head. */
export function titleOf(event: SourceEvent): string {
  if ("track" in event) return objectName(event);
  const head = event.head === undefined ? "" : `${readable(event.head)}: `;
  return head + readable(event.label);
}

/** Returns an event as a line of JSON, with the fields of `tsm-live`. */
export function eventLine(source: string, event: SourceEvent): string {
  const { kind, label } = event;
  const score = roundDecimal(event.score, 4);
  const time = roundDecimal(event.time, 3);
  if ("track" in event) {
    const { track } = event;
    const box = event.box.map((edge) => roundDecimal(edge, 1));
    return JSON.stringify({ source, kind, track, label, score, time, box });
  }
  const { head } = event; // JSON has no field for undefined.
  return JSON.stringify({ source, kind, label, score, time, head });
}
