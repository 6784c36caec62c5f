/** WebGPU, on a processor that plays a GPU (SwiftShader). */

import { beforeAll, expect, test } from "vitest";
import type { Page } from "playwright-core";
import type { Opened } from "../../src/network/messages.ts";
import { usePage } from "../tools/built_page.ts";
import { openInWorker } from "../tools/worker_runtime.ts";
import { replaySteps } from "../vectors/networks.ts";
import { casesOf, TOLERANCES, type StepCase } from "../vectors/read.ts";

const built = usePage([
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
]);
let page: Page;
beforeAll(async () => {
  page = await built.open();
});

const cases = casesOf<StepCase>("steps");
const float32 = cases.find((each) => each.artifact === "float32.tflite")!;
const int8 = cases.find((each) => each.artifact === "int8.tflite")!;

test.each(["fed", "free"] as const)("float32 on WebGPU, %s", async (way) => {
  const opened: Opened[] = [];
  const note = (found: Opened) => opened.push(found);
  const open = await openInWorker(page, "if equal", note);
  await replaySteps(float32, open, way, TOLERANCES.gpu);
  expect(opened).toEqual([{ backend: "webgpu", threads: 1, gpuReason: "" }]);
});

test("int8 stays on the CPU, because WebGPU computes it wrongly", async () => {
  const opened: Opened[] = [];
  const note = (found: Opened) => opened.push(found);
  await replaySteps(int8, await openInWorker(page, "if equal", note), "free");
  expect(opened[0]!.backend).toBe("cpu");
  expect(opened[0]!.gpuReason).toMatch(/only float32/);
});
