/** Networks in the worker of the built page, beside vectors and Python. */

import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { loadArtifact } from "../../src/artifact/load.ts";
import { casePath, usePage } from "../tools/built_page.ts";
import { openInWorker } from "../tools/worker_runtime.ts";
import { replaySession, replaySteps } from "../vectors/networks.ts";
import {
  casesOf,
  difference,
  largest,
  type SessionCase,
  type StepCase,
} from "../vectors/read.ts";
import type { OpenRuntime } from "../vectors/runtime.ts";

const built = usePage();
let page: Page;
let open: OpenRuntime;

beforeAll(async () => {
  page = await built.open();
  open = await openInWorker(page);
});

test("the page is isolated below a sub-path, without special headers", async () => {
  expect(await page.evaluate("crossOriginIsolated")).toBe(true);
});

test.each(casesOf<StepCase>("steps"))("$name, fed", (each) =>
  replaySteps(each, open, "fed"),
);

test.each(casesOf<StepCase>("steps"))("$name, free", (each) =>
  replaySteps(each, open, "free"),
);

test.each(casesOf<SessionCase>("session"))("$name", (each) =>
  replaySession(each, open),
);

test("networks give what LiteRT gives in Python", async () => {
  const names = JSON.parse(
    readFileSync(casePath("networks.json"), "utf8"),
  ) as string[];
  const report: Record<string, number> = {};
  for (const name of names) {
    const artifact = await loadArtifact(
      new Uint8Array(readFileSync(casePath(`${name}.tflite`))),
    );
    const { spec } = artifact;
    const runtime = await open(artifact);
    const frames = new Uint8Array(readFileSync(casePath(`${name}.frames`)));
    const bytes = new Uint8Array(readFileSync(casePath(`${name}.results`)));
    const expected = new Float32Array(bytes.buffer);
    const length = 3 * spec.imageSize ** 2;
    const gaps = spec.results.map(() => 0);
    const sizes = spec.results.map(() => 0);
    let place = 0;
    for (let start = 0; start < frames.length; start += length) {
      const square = frames.slice(start, start + length);
      const [values] = await runtime.step([square]);
      values!.forEach((found, i) => {
        const wanted = expected.subarray(place, place + found.length);
        place += found.length;
        gaps[i] = Math.max(gaps[i]!, difference(found, wanted));
        sizes[i] = Math.max(sizes[i]!, largest(wanted));
      });
    }
    expect.soft(place, name).toBe(expected.length);
    // X3D is deep and computes sigmoids; LiteRT's own two sets of kernels give
    // logits in Python that differ by 6e-6.
    const rounding = name.startsWith("x3d") ? 1e-5 : 1e-6;
    spec.results.forEach(({ role, dtype, scale }, i) => {
      // Steps of the output for int8, else relative to the largest value.
      const isFloat = dtype === "float32";
      const gap = gaps[i]! / (isFloat ? sizes[i]! : scale);
      report[`${name} ${role}`] = gap;
      const bound = isFloat ? rounding : 1.001;
      expect.soft(gap, `${name} ${role}`).toBeLessThanOrEqual(bound);
    });
  }
  console.log("differences:", report);
});
