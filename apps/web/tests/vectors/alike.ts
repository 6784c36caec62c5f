/** Compares events and boxes, whose scores and edges may differ a little. */

import { expect } from "vitest";
import type { FoundBox } from "../../src/detection/boxes.ts";
import type { ObjectDecision } from "../../src/detection/objects.ts";
import { difference, type ExpectedBox } from "./read.ts";

interface Scored {
  readonly score: number;
  readonly box?: readonly number[];
}

/** Expects events or boxes to be equal, except for small errors of numbers.
 *
 * @param scores The largest difference of a score.
 * @param edges The largest difference of an edge of a box.
 */
export function expectAlike(
  found: readonly Scored[],
  expected: readonly Scored[],
  scores: number,
  edges: number,
): void {
  const exact = (each: Scored) => ({ ...each, score: 0, box: [] });
  expect(found.map(exact)).toEqual(expected.map(exact));
  const scoresOf = (list: readonly Scored[]) => list.map(({ score }) => score);
  const edgesOf = (list: readonly Scored[]) =>
    list.flatMap(({ box }) => box ?? []);
  const gap = difference(scoresOf(found), scoresOf(expected));
  expect(gap).toBeLessThanOrEqual(scores);
  const distance = difference(edgesOf(found), edgesOf(expected));
  expect(distance).toBeLessThanOrEqual(edges);
}

/** Returns the boxes that a decision got last, each with its object. */
export function withTracks(
  found: readonly FoundBox[],
  decision: ObjectDecision,
): ExpectedBox[] {
  return found.map(({ box, label, score }) => {
    const isSame = (object: { box: unknown; labelIndex: number }) =>
      object.labelIndex === label && `${object.box}` === `${box}`;
    const track = decision.seen.find(isSame)?.track ?? 0;
    return { label: decision.labels[label]!, score, box: [...box], track };
  });
}
