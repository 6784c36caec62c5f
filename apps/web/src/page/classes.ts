/** The names and colours by which people tell classes and objects apart. */

import type { ObjectEvent } from "../detection/objects.ts";
import { readable } from "./elements.ts";

const FIRST_HUE = 0.38;
const GOLDEN_ANGLE = 0.381966; // Of a turn; it keeps neighbours far apart.

/** Returns the colour of a class, which is that of `tsm-live`. */
export function classColour(index: number): string {
  const hue = (FIRST_HUE + index * GOLDEN_ANGLE) % 1;
  return `hsl(${Math.round(360 * hue)} 77% 56%)`;
}

/** Returns the name of an object, such as `disc left 3`. */
export function objectName({
  label,
  track,
}: Pick<ObjectEvent, "label" | "track">): string {
  return `${readable(label)} ${track}`;
}

/** Returns a score as people read it. */
export function percent(score: number): string {
  return `${Math.round(100 * score)} %`;
}
