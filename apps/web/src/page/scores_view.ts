/** ScoresView: the most probable labels of each head, with bars. */

import type { HeadState } from "../decision/heads.ts";
import { percent as inPercent } from "./classes.ts";
import { make, readable } from "./elements.ts";

const SHOWN = 5;

type Row = { label: Text; percent: Text; bar: HTMLElement };
type Scored = Pick<HeadState, "name" | "labels" | "scores">;

export class ScoresView {
  private readonly rows: Row[][]; // For each head.

  constructor(element: HTMLElement, heads: readonly Scored[]) {
    element.replaceChildren();
    this.rows = heads.map(({ name, labels }) => {
      if (name !== "") element.append(make("h3", "", readable(name)));
      const list = make("ol", "scores");
      element.append(list);
      const count = Math.min(SHOWN, labels.length);
      return Array.from({ length: count }, () => addRow(list));
    });
    this.show(heads);
  }

  /** Shows the scores of all heads. */
  show(heads: readonly Scored[]): void {
    heads.forEach(({ labels, scores }, head) => {
      const order = labels.map((_, k) => k);
      order.sort((a, b) => scores[b]! - scores[a]! || a - b);
      this.rows[head]!.forEach(({ label, percent, bar }, row) => {
        const k = order[row]!;
        label.data = readable(labels[k]!);
        percent.data = inPercent(scores[k]!);
        bar.style.transform = `scaleX(${scores[k]!})`;
      });
    });
  }
}

function addRow(list: HTMLElement): Row {
  const item = make("li");
  const text = make("div", "score-text");
  const label = document.createTextNode("");
  const percent = document.createTextNode("");
  for (const part of [label, percent]) {
    const span = make("span");
    span.append(part);
    text.append(span);
  }
  const track = make("div", "bar");
  track.setAttribute("aria-hidden", "true");
  const bar = make("div");
  track.append(bar);
  item.append(text, track);
  list.append(item);
  return { label, percent, bar };
}
