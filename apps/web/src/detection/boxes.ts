/** decodeBoxes: turns the outputs of a detector into boxes.
 *
 * `docs/artifact.md` states the rule. Numbers are rounded to float32 where
 * `tsm_live` rounds them, so that boxes are equal to the last bit.
 */

import type { DetectionRule } from "../artifact/detection.ts";
import type { ArtifactSpec } from "../artifact/spec.ts";
import { cropWindow } from "../frames/geometry.ts";
import type { Size } from "../frames/picture.ts";

/** The left, upper, right and lower edge, in pixels. */
export type Box = readonly [number, number, number, number];

/** A box that a detector found. */
export interface FoundBox {
  readonly box: Box;
  /** The index of its label. */
  readonly label: number;
  readonly score: number;
}

const { fround } = Math;
// Rows down and columns to the right, to each cell around a cell.
const AROUND = [-1, 0, 1].flatMap((down) =>
  [-1, 0, 1].map((right) => [down, right] as const),
);

/** Returns the boxes at the peaks of a heatmap, the best first.
 *
 * They are in pixels of the square that the network got, and may reach beyond
 * its edges.
 *
 * @param heatmap `[h, w, labels]`, a logit for each cell and label.
 * @param boxSize `[h, w, 2]`, width and height in cells.
 * @param boxOffset `[h, w, 2]`, x and y of the centre from the upper left corner
 *     of the cell, in cells.
 * @param width The number of cells in a row.
 */
export function decodeBoxes(
  [heatmap, boxSize, boxOffset]: readonly Float32Array[],
  width: number,
  { stride, threshold, top }: DetectionRule,
): FoundBox[] {
  const labels = (2 * heatmap!.length) / boxSize!.length;
  const least = fround(threshold);
  const half = fround(stride / 2);
  return findPeaks(heatmap!, width, labels)
    .map((at) => ({ at, logit: heatmap![at]!, score: scoreOf(heatmap![at]!) }))
    .filter(({ score }) => score >= least)
    .sort((a, b) => b.logit - a.logit) // Equal ones keep their order.
    .slice(0, top)
    .map(({ at, score }) => {
      const cell = Math.floor(at / labels);
      const corner = [cell % width, Math.floor(cell / width)];
      const [x, y] = corner.map((place, axis) =>
        fround(fround(place + boxOffset![2 * cell + axis]!) * stride),
      ) as [number, number];
      const right = fround(boxSize![2 * cell]! * half);
      const down = fround(boxSize![2 * cell + 1]! * half);
      const box = [x - right, y - down, x + right, y + down].map(fround);
      return { box: box as unknown as Box, label: at % labels, score };
    });
}

/** Returns the boxes of a frame, in its pixels.
 *
 * @param values The values of `spec.results`.
 * @param size The size of the upright frame.
 * @param threshold The score that a box must have; by default the artifact's.
 */
export function findBoxes(
  spec: ArtifactSpec,
  values: readonly Float32Array[],
  size: Size,
  threshold: number | null = null,
): FoundBox[] {
  const { stride, top, threshold: usual } = spec.detection!;
  const rule = { stride, top, threshold: threshold ?? usual };
  const found = decodeBoxes(values, spec.imageSize / stride, rule);
  return boxesInFrame(found, size, spec);
}

/** Moves boxes from the square of the network to the frame it was cut from.
 *
 * @param size The size of the upright frame.
 */
export function boxesInFrame(
  found: readonly FoundBox[],
  { width, height }: Size,
  { resizeSize, imageSize }: Pick<ArtifactSpec, "resizeSize" | "imageSize">,
): FoundBox[] {
  const crop = cropWindow(width, height, resizeSize, imageSize);
  const scale = [width / crop.width, height / crop.height];
  const corner = [crop.left, crop.top];
  return found.map(({ box, ...rest }) => {
    const moved = box.map((edge, i) =>
      fround((edge + corner[i % 2]!) * scale[i % 2]!),
    );
    return { ...rest, box: moved as unknown as Box };
  });
}

/** Returns the intersection over union of two boxes; 0 if they are empty. */
export function boxOverlap(a: Box, b: Box): number {
  const low = [Math.max(a[0], b[0]), Math.max(a[1], b[1])] as const;
  const high = [Math.min(a[2], b[2]), Math.min(a[3], b[3])] as const;
  const shared = area([...low, ...high]);
  const united = area(a) + area(b) - shared;
  return united > 0 ? shared / united : 0;
}

function area([left, upper, right, lower]: Box): number {
  return Math.max(right - left, 0) * Math.max(lower - upper, 0);
}

/** Returns the places of the peaks in a heatmap, in their order. */
function findPeaks(
  heatmap: Float32Array,
  width: number,
  labels: number,
): number[] {
  const peaks: number[] = [];
  const height = heatmap.length / (width * labels);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // The distances to the same label in the cells around this one.
      const steps = AROUND.filter(
        ([down, right]) => isIn(y + down, height) && isIn(x + right, width),
      ).map(([down, right]) => (down * width + right) * labels);
      const earlier = steps.filter((step) => step < 0);
      const later = steps.filter((step) => step > 0);
      for (let label = 0; label < labels; label++, at++) {
        const value = heatmap[at]!;
        // Comparisons with a value that is not a number are false.
        if (
          earlier.every((step) => value > heatmap[at + step]!) &&
          later.every((step) => value >= heatmap[at + step]!) &&
          !Number.isNaN(value)
        ) {
          peaks.push(at);
        }
      }
    }
  }
  return peaks;
}

function isIn(place: number, count: number): boolean {
  return place >= 0 && place < count;
}

function scoreOf(logit: number): number {
  const power = Math.exp(-Math.min(Math.max(logit, -500), 500));
  return fround(1 / (1 + power));
}
