/** ObjectsView: the objects that a detector sees, in words. */

import type { TrackedObject } from "../detection/objects.ts";
import { classColour, objectName, percent } from "./classes.ts";
import { make } from "./elements.ts";

const SHOWN = 6;

export class ObjectsView {
  private readonly count = make("p", "object-count");
  private readonly list = make("ol", "objects");
  private readonly rest = make("p", "small");

  constructor(element: HTMLElement) {
    element.replaceChildren(this.count, this.list, this.rest);
    this.show([]);
  }

  /** Shows the objects, the best first. */
  show(objects: readonly TrackedObject[]): void {
    this.count.textContent = countObjects(objects.length);
    const best = objects.toSorted((a, b) => b.score - a.score);
    const items = best.slice(0, SHOWN).map((object) => {
      const item = make("li");
      const swatch = make("span", "swatch");
      swatch.style.background = classColour(object.labelIndex);
      item.append(
        swatch,
        make("span", "label", objectName(object)),
        make("span", "", percent(object.score)),
      );
      return item;
    });
    this.list.replaceChildren(...items);
    const hidden = objects.length - items.length;
    this.rest.textContent = hidden > 0 ? `and ${hidden} more` : "";
  }
}

/** Returns a number of objects in words. */
export function countObjects(count: number): string {
  if (count === 0) return "No objects";
  return count === 1 ? "1 object" : `${count} objects`;
}
