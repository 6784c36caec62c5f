/** Figures: names and values in two columns. */

import { make } from "./elements.ts";

/** A list of names and values, whose values may change. */
export class Figures {
  private readonly values = new Map<string, HTMLElement>();

  constructor(private readonly list: HTMLElement) {
    list.replaceChildren();
  }

  /** Shows values by their names. */
  show(values: Record<string, string>): void {
    for (const [name, value] of Object.entries(values)) {
      let element = this.values.get(name);
      if (element === undefined) {
        element = make("dd");
        this.values.set(name, element);
        this.list.append(make("dt", "", name), element);
      }
      if (element.textContent !== value) element.textContent = value;
    }
  }
}
