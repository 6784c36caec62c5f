/** planPlane: which old rows and columns make the new ones of a plane. */

import type { Size } from "./picture.ts";

/** Which part of the resized plane is wanted. */
export interface Window {
  /** The size of the whole plane after resizing. */
  readonly width: number;
  readonly height: number;
  /** The square that is cropped from it. */
  readonly left: number;
  readonly top: number;
  readonly size: number;
}

export interface Plan {
  /** The first old column that is needed, and the number of them. */
  readonly left: number;
  readonly count: number;
  /** Where to read, after the first column; one more than new columns. */
  readonly columns: readonly number[];
  /** For each new row: its first old one, and its part of `weights`. */
  readonly rows: readonly { first: number; start: number; count: number }[];
  readonly weights: Float64Array;
  /** The part of a new pixel that an old one covers. */
  readonly share: number;
}

// All frames of a video have the same plans.
const plans = new Map<string, Plan>();
const MOST_PLANS = 8;

/** Plans to resize a plane of a picture.
 *
 * @param isShrunk Whether to take means over areas, else values at places.
 */
export function planPlane(
  picture: Size,
  plane: Size,
  window: Window,
  isShrunk: boolean,
): Plan {
  const { left, top, size, width, height } = window;
  const key = [
    ...[picture.width, picture.height, plane.width, plane.height],
    ...[left, top, size, width, height, isShrunk],
  ].join();
  let plan = plans.get(key);
  if (plan === undefined) {
    if (plans.size === MOST_PLANS) plans.clear();
    plan = makePlan(picture, plane, window, isShrunk);
    plans.set(key, plan);
  }
  return plan;
}

function makePlan(
  picture: Size,
  plane: Size,
  { left, top, size, ...resized }: Window,
  isShrunk: boolean,
): Plan {
  // Old pixels per new pixel. Colours may have half the samples.
  const halfX = plane.width < picture.width ? 2 : 1;
  const halfY = plane.height < picture.height ? 2 : 1;
  const shrinkX = picture.width / halfX / resized.width;
  const shrinkY = picture.height / halfY / resized.height;
  const place = isShrunk ? edge : centre;
  const columns = Array.from({ length: size + 1 }, (_, x) =>
    place(left + x, shrinkX, plane.width),
  );
  const first = Math.floor(columns[0]!);
  const last = Math.ceil(columns[size]!);
  const rowsOf = isShrunk ? coveredRows : nearestRows;
  const weights: number[] = [];
  const rows = Array.from({ length: size }, (_, y) => {
    const row = rowsOf(top + y, shrinkY, plane.height);
    const start = weights.length;
    weights.push(...row.weights);
    return { first: row.first, start, count: row.weights.length };
  });
  return {
    left: first,
    count: Math.min(last - first + 1, plane.width - first),
    columns: columns.map((column) => column - first),
    rows,
    weights: Float64Array.from(weights),
    share: 1 / (shrinkX * shrinkY),
  };
}

/** Consecutive old rows, of which a new one is the weighted sum. */
interface WeightedRows {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Returns the place of the left edge of a new pixel among the old ones. */
function edge(x: number, shrink: number, limit: number): number {
  return Math.min(x * shrink, limit);
}

/** Returns the place of the centre of a new pixel among those of old ones. */
function centre(x: number, shrink: number, limit: number): number {
  return Math.min(Math.max((x + 0.5) * shrink - 0.5, 0), limit - 1);
}

function coveredRows(y: number, shrink: number, limit: number): WeightedRows {
  const top = edge(y, shrink, limit);
  const bottom = edge(y + 1, shrink, limit);
  const first = Math.floor(top);
  const weights: number[] = [];
  for (let row = first; row < bottom; row++) {
    weights.push(Math.min(row + 1, bottom) - Math.max(row, top));
  }
  return { first, weights };
}

function nearestRows(y: number, shrink: number, limit: number): WeightedRows {
  const place = centre(y, shrink, limit);
  const first = Math.floor(place);
  const share = place - first;
  return { first, weights: share === 0 ? [1] : [1 - share, share] };
}
