/** Compares the page with Python's LiteRT and with onnxruntime-web.
 *
 *   npm install --no-save onnxruntime-web@1.30.0
 *   python bench/make_models.py FOLDER
 *   BENCH=FOLDER npm run bench
 *
 * The candidates take turns in short rounds, so that a busy machine slows all
 * of them alike. Of each round it takes the median, and of these the least,
 * which other programs disturbed least.
 */

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { loadArtifact } from "../src/artifact/load.ts";
import { DIST } from "../tests/tools/built_page.ts";
import { launch } from "../tests/tools/chromium.ts";
import { serve } from "../tests/tools/static_server.ts";
import { workerOf } from "../tests/tools/worker_runtime.ts";
import { onnxFiles, openOnnx, stepOnnx } from "./onnx.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 15);
const STEPS = 10;
const WARM_UP = 60; // Browsers compile hot code better after a while.
const ROOT = join(import.meta.dirname, "../../..");
const FOLDER = process.env.BENCH ?? "";

/** Takes steps and returns their median milliseconds. */
type Candidate = (steps: number) => Promise<number>;

function python(model: string): { step: Candidate; child: ChildProcess } {
  const own = join(ROOT, ".venv/bin/python");
  const program = process.env.PYTHON ?? (existsSync(own) ? own : "python3");
  const script = join(import.meta.dirname, "python_steps.py");
  const path = join(ROOT, "apps/live");
  const env = { ...process.env, PYTHONPATH: path + delimiter };
  const child = spawn(program, [script, model], {
    env,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
  const step = async (steps: number) => {
    child.stdin!.write(`${steps}\n`);
    return Number((await lines.next()).value);
  };
  return { step, child };
}

/** Opens a model in the worker of a page; returns candidates. */
async function inPage(page: Page, name: string) {
  const content = new Uint8Array(readFileSync(join(FOLDER, name)));
  const { spec, model } = await loadArtifact(content);
  const ask = await workerOf(page);
  const text = Buffer.from(model).toString("base64");
  await ask({ kind: "open", spec, model: text, gpu: "no" });
  const run = (steps: number, size: [number, number] = [640, 480]) =>
    page.evaluate(
      async ([steps, codedWidth, codedHeight]) => {
        const { test: worker } = globalThis as unknown as { test: Worker };
        const pixels = new Uint8Array((codedWidth * codedHeight * 3) / 2);
        pixels.forEach((_, i) => (pixels[i] = (i * 7919) % 251));
        const latencies: number[] = [];
        const fittings: number[] = [];
        for (let step = 0; step < steps; step++) {
          const frame = new VideoFrame(pixels, {
            format: "I420",
            codedWidth,
            codedHeight,
            timestamp: step,
          });
          const orientation = { rotation: 0, flip: false, pixelAspect: 1 };
          const answer = new Promise<MessageEvent>(
            (resolve) => (worker.onmessage = resolve),
          );
          const request = { kind: "frame", frame, orientation };
          worker.postMessage({ id: step, request }, [frame]);
          const { result } = (await answer).data;
          latencies.push(result.latency);
          fittings.push(result.fitting);
        }
        const middle = (times: number[]) =>
          times.sort((a, b) => a - b)[times.length >> 1]!;
        return { latency: middle(latencies), fitting: middle(fittings) };
      },
      [steps, ...size] as const,
    );
  const step: Candidate = async (steps) => (await run(steps)).latency;
  const fit =
    (...size: [number, number]): Candidate =>
    async (steps) =>
      (await run(steps, size)).fitting;
  return { step, fit };
}

test.runIf(FOLDER !== "")("speed", async () => {
  const server = await serve(DIST, onnxFiles());
  const browser = await launch();
  const children: ChildProcess[] = [];
  const candidates: Record<string, Candidate> = {};
  const open = async (serviceWorkers: "allow" | "block") => {
    const context = await browser.newContext({ serviceWorkers });
    const page = await context.newPage();
    await page.goto(server.url);
    await page.waitForSelector("html[data-isolated]");
    return page;
  };
  for (const kind of ["int8", "float32"]) {
    const model = `${kind}.tflite`;
    const { step, child } = python(join(FOLDER, model));
    children.push(child);
    candidates[`${kind}, Python, 1 thread`] = step;
    // Without its service worker the page is not isolated and has no threads.
    const single = await inPage(await open("block"), model);
    candidates[`${kind}, page, 1 thread`] = single.step;
    const threads = await inPage(await open("allow"), model);
    candidates[`${kind}, page, threads`] = threads.step;
    candidates["resize and crop of 640 x 480"] = single.fit(640, 480);
    candidates["resize and crop of 1280 x 720"] = single.fit(1280, 720);
  }
  const page = await open("block");
  await openOnnx(page, join(FOLDER, "int8.onnx"));
  candidates["int8, onnxruntime-web, 1 thread"] = (n) => stepOnnx(page, n);
  const times: Record<string, number[]> = {};
  for (const [name, step] of Object.entries(candidates)) {
    await step(WARM_UP);
    times[name] = [];
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, step] of Object.entries(candidates)) {
      times[name]!.push(await step(STEPS));
    }
  }
  for (const values of Object.values(times)) values.sort((a, b) => a - b);
  const lines = Object.entries(times).map(([name, values]) => {
    const python = times[`${name.split(",")[0]}, Python, 1 thread`];
    const middle = values.length >> 1;
    const ratio = (i: number) =>
      python ? `${(values[i]! / python[i]!).toFixed(2)}` : "";
    const figures = [0, middle].flatMap((i) => [
      values[i]!.toFixed(2),
      ratio(i),
    ]);
    return `| ${name} | ${figures.join(" | ")} |`;
  });
  const head = "| candidate | least ms | Python = 1 | median ms | Python = 1 |";
  console.log([head, ...lines].join("\n"));
  for (const child of children) child.kill();
  await browser.close();
  await server.close();
  expect(lines.length).toBe(9);
});
