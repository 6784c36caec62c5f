/** checkLookahead: the tensors of a network that answers late. */

import { expect } from "./fields.ts";
import type { TensorSpec } from "./tensors.ts";

/** Refuses results and an input with the role `valid` that do not fit together.
 *
 * @returns By how many steps the results are later than their frames.
 */
export function checkLookahead(
  valid: TensorSpec | null,
  results: readonly TensorSpec[],
  streams: number,
): number {
  const delays = new Set(results.map((result) => result.late));
  if (valid === null) {
    delays.add(0);
  } else {
    expect(
      valid.shape[0] === streams,
      `shape\` of \`${valid.name}`,
      `[${streams}, ...], one row per stream`,
      valid.shape,
    );
  }
  expect(
    delays.size <= 1,
    "late",
    "the same for all heads or outputs of a detector, and 0 without the role " +
      "'valid'",
    [...delays],
  );
  return Math.max(0, ...delays);
}
