/** checkLookahead: the tensors of a network that answers late. */

import { expect } from "./fields.ts";
import type { TensorSpec } from "./tensors.ts";

/** Refuses heads and an input with the role `valid` that do not fit together. */
export function checkLookahead(
  valid: TensorSpec | null,
  heads: readonly TensorSpec[],
  streams: number,
): void {
  const delays = new Set(heads.map((head) => head.late));
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
    "the same for all heads, and 0 without the role 'valid'",
    [...delays],
  );
}
