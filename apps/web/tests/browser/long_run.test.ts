/** Memory over thousands of steps, and the main thread during inference. */

import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { loadArtifact } from "../../src/artifact/load.ts";
import { casePath, openModel, usePage } from "../tools/built_page.ts";
import { workerOf } from "../tools/worker_runtime.ts";
import { artifactBytes } from "../vectors/read.ts";

const built = usePage();
let page: Page;
beforeAll(async () => {
  page = await built.open();
});

const STEPS = 5000;

test(`memory is flat over ${STEPS} steps`, async () => {
  const { spec, model } = await loadArtifact(artifactBytes("int8.tflite"));
  const ask = await workerOf(page);
  const text = Buffer.from(model).toString("base64");
  await ask({ kind: "open", spec, model: text, gpu: "no" });
  const run = (steps: number) =>
    page.evaluate(
      async ([steps, size]) => {
        const { test: worker } = globalThis as unknown as { test: Worker };
        const square = new Uint8Array(3 * size! ** 2).fill(99);
        for (let step = 0; step < steps!; step++) {
          await new Promise((resolve) => {
            worker.onmessage = resolve;
            const request = { kind: "squares", squares: [square] };
            worker.postMessage({ id: step, request });
          });
        }
      },
      [steps, spec.imageSize],
    );
  // The memory of WebAssembly never shrinks, so a leak shows in its size.
  const memory = () => ask({ kind: "memory" }) as Promise<number>;
  await run(500);
  const before = await memory();
  expect(before).toBeGreaterThan(1e6);
  await run(STEPS);
  expect(await memory()).toBe(before);
});

// A busy machine may take the processor away from the page for so long.
test(
  "inference never blocks the main thread for 50 ms",
  { retry: 3 },
  async () => {
    const path = casePath("mobilenet_v2_224_none.tflite");
    expect(readFileSync(path).length).toBeGreaterThan(1e6);
    await openModel(page, path);
    await page.evaluate(() => {
      const scope = globalThis as unknown as { blocks: number[] };
      scope.blocks = [];
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries())
          scope.blocks.push(duration);
      }).observe({ type: "longtask" });
      (document.getElementById("speed") as HTMLSelectElement).value = "real";
    });
    await page.setInputFiles("#video-file", casePath("gestures.mp4"));
    await page.waitForSelector("body[data-run=on]");
    // Opening the file is not inference.
    await page.waitForTimeout(500);
    await page.evaluate("blocks.length = 0");
    await page.waitForSelector("body[data-run=ended]");
    const blocks = await page.evaluate("blocks");
    expect(blocks).toEqual([]);
  },
);
