/** ScoresView: the most probable labels, with a bar for each. */

import { make, readable } from "./elements.ts";

const SHOWN = 5;

export class ScoresView {
  private readonly rows: { label: Text; percent: Text; bar: HTMLElement }[] =
    [];

  constructor(
    list: HTMLElement,
    private readonly labels: readonly string[],
  ) {
    list.replaceChildren();
    for (let row = 0; row < Math.min(SHOWN, labels.length); row++) {
      const item = make("li");
      const text = make("div", "score-text");
      const label = document.createTextNode("");
      const percent = document.createTextNode("");
      text.append(make("span"), make("span"));
      text.children[0]!.append(label);
      text.children[1]!.append(percent);
      const track = make("div", "bar");
      track.setAttribute("aria-hidden", "true");
      const bar = make("div");
      track.append(bar);
      item.append(text, track);
      list.append(item);
      this.rows.push({ label, percent, bar });
    }
    this.show(new Float32Array(labels.length));
  }

  /** Shows the scores of all labels. */
  show(scores: ArrayLike<number>): void {
    const order = this.labels.map((_, k) => k);
    order.sort((a, b) => scores[b]! - scores[a]! || a - b);
    this.rows.forEach(({ label, percent, bar }, row) => {
      const k = order[row]!;
      label.data = readable(this.labels[k]!);
      percent.data = `${Math.round(100 * scores[k]!)} %`;
      bar.style.transform = `scaleX(${scores[k]!})`;
    });
  }
}
