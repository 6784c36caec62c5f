/** checkCaches: the tensors that hold the state of a stream. */

import { expect } from "./fields.ts";
import type { TensorSpec } from "./tensors.ts";

/** Refuses caches unless an output like it feeds each of them, and each output
 * one of them.
 */
export function checkCaches(caches: TensorSpec[], outputs: TensorSpec[]): void {
  const fresh = outputs.filter((tensor) => tensor.role === "cache_out");
  const names = fresh.map((tensor) => tensor.name).sort();
  const feeds = caches.map((cache) => cache.fedBy).sort();
  expect(
    JSON.stringify(feeds) === JSON.stringify(names),
    "fed_by",
    `each output with the role 'cache_out' once, ${names}`,
    feeds,
  );
  for (const cache of caches) {
    const output = fresh.find((tensor) => tensor.name === cache.fedBy)!;
    const bare = (tensor: TensorSpec) =>
      JSON.stringify([
        tensor.shape,
        tensor.dtype,
        tensor.scale,
        tensor.zeroPoint,
      ]);
    expect(
      bare(cache) === bare(output),
      cache.fedBy,
      `like the cache that it feeds, ${bare(cache)}`,
      output,
    );
  }
}
