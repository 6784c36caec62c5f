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

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  tdur?: number; // Microseconds that the thread had the processor.
  args?: { name?: string };
}

/** Returns the longest milliseconds of processor time of one task of a page. */
function longestTask(trace: Buffer): number {
  const { traceEvents: events } = JSON.parse(trace.toString()) as {
    traceEvents: TraceEvent[];
  };
  const key = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`;
  const names = events.filter(({ name }) => name === "thread_name");
  const main = names.filter(({ args }) => args?.name === "CrRendererMain");
  const threads = new Set(main.map(key));
  const tasks = events.filter(
    (event) => event.tdur !== undefined && threads.has(key(event)),
  );
  expect(tasks.length).toBeGreaterThan(100);
  return Math.max(...tasks.map((task) => task.tdur! / 1000));
}

// A busy machine takes the processor away from the page, so that only the
// processor's time counts.
test("inference never blocks the main thread for 50 ms", async () => {
  const path = casePath("mobilenet_v2_224_none.tflite");
  expect(readFileSync(path).length).toBeGreaterThan(1e6);
  await openModel(page, path);
  await page.selectOption("#speed", "real", { force: true });
  await page.setInputFiles("#video-file", casePath("gestures.mp4"));
  await page.waitForSelector("body[data-run=on]");
  // Opening the file is not inference.
  await page.waitForTimeout(500);
  await built.browser.startTracing(page, { categories: ["toplevel"] });
  await page.waitForSelector("body[data-run=ended]");
  const longest = longestTask(await built.browser.stopTracing());
  console.log(`the longest task took ${longest} ms`);
  expect(longest).toBeLessThan(50);
});
