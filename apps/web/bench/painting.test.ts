/** Measures the worker that draws, beside a canvas that draws frames itself.
 *
 *   BENCH=FOLDER npm run bench -- painting
 *
 * All ways take turns in short rounds. The figures are the milliseconds that
 * the thread of the worker had the processor per picture, and those of all
 * threads of the browser. Linux counts them in `/proc`.
 */

import { readdirSync, readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { expect, test } from "vitest";
import { DIST, workerScript } from "../tests/tools/built_page.ts";
import { launch } from "../tests/tools/chromium.ts";
import { serve } from "../tests/tools/static_server.ts";

const ROUNDS = Number(process.env.ROUNDS ?? 7);
const PICTURES = 60; // Per round.
const SHOWN = { width: 760, height: 570 }; // The stage of a wide window.
const SIZES = [
  { width: 640, height: 480 },
  { width: 1280, height: 720 },
  { width: 1920, height: 1080 },
];

// It draws at the size of the screen too.
const PLAIN = `
  let context;
  onmessage = ({ data: { kind, canvas, frame, size, shown } }) => {
    if (kind === "canvas") return void (context = canvas.getContext("2d"));
    const scale = Math.min(shown.width / size.width, shown.height / size.height);
    const width = Math.round(size.width * Math.min(1, scale));
    const height = Math.round(size.height * Math.min(1, scale));
    if (context.canvas.width !== width) context.canvas.width = width;
    if (context.canvas.height !== height) context.canvas.height = height;
    context.drawImage(frame, 0, 0, width, height);
    frame.close();
    postMessage("drawn");
  };`;
// It closes the frames.
const NOTHING = `
  onmessage = ({ data: { frame } }) => {
    frame?.close();
    if (frame) postMessage("drawn");
  };`;

interface Used {
  worker: number;
  all: number;
}

/** Returns the milliseconds that threads had the processor so far. */
async function used(browser: Browser): Promise<Used> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const total = { worker: 0, all: 0 };
  for (const { id } of processInfo) {
    for (const thread of readdirSync(`/proc/${id}/task`)) {
      const folder = `/proc/${id}/task/${thread}`;
      const time = readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0];
      const name = readFileSync(`${folder}/comm`, "utf8");
      total.all += Number(time) / 1e6;
      if (name.startsWith("Dedicated")) total.worker += Number(time) / 1e6;
    }
  }
  return total;
}

/** Draws so many pictures, one per refresh of the screen. */
function drawPictures(
  page: Page,
  script: string,
  size: { width: number; height: number },
): Promise<void> {
  return page.evaluate(
    async ([script, size, shown, pictures]) => {
      const scope = globalThis as unknown as Record<string, Worker>;
      let worker = scope[script];
      if (worker === undefined) {
        worker = scope[script] = new Worker(script);
        const canvas = document.createElement("canvas");
        canvas.style.cssText = "position: fixed; top: 0; left: 0; width: 760px";
        document.body.append(canvas);
        const offscreen = canvas.transferControlToOffscreen();
        const request = { kind: "canvas", canvas: offscreen };
        worker.postMessage(request, [offscreen]);
      }
      const { width: codedWidth, height: codedHeight } = size;
      const pixels = new Uint8Array((codedWidth * codedHeight * 3) / 2);
      pixels.forEach((_, i) => (pixels[i] = (i * 7919) % 251));
      for (let picture = 0; picture < pictures; picture++) {
        const frame = new VideoFrame(pixels, {
          format: "I420",
          codedWidth,
          codedHeight,
          timestamp: picture,
        });
        const orientation = { rotation: 0, flip: false, pixelAspect: 1 };
        const place = { size, shown, pixelRatio: 1 };
        const marks = null;
        const answer = new Promise((resolve) => (worker.onmessage = resolve));
        worker.postMessage(
          { kind: "picture", frame, orientation, marks, ...place },
          [frame],
        );
        await answer;
        await new Promise(requestAnimationFrame);
      }
    },
    [script, size, SHOWN, PICTURES] as const,
  );
}

const median = (values: number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;

test.runIf(process.env.BENCH)("painting", async () => {
  const server = await serve(DIST);
  const browser = await launch();
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.waitForSelector("html[data-isolated]");
  const asUrl = (code: string) =>
    `data:text/javascript;base64,${Buffer.from(code).toString("base64")}`;
  const ways = {
    nothing: asUrl(NOTHING),
    "the canvas itself": asUrl(PLAIN),
    painter: new URL(workerScript("painter"), page.url()).href,
  };
  const lines: string[] = [];
  for (const size of SIZES) {
    const times: Record<string, Used[]> = {};
    for (let round = -1; round < ROUNDS; round++) {
      for (const [name, script] of Object.entries(ways)) {
        const before = await used(browser);
        await drawPictures(page, script, size);
        const after = await used(browser);
        if (round < 0) continue; // It warms up.
        (times[name] ??= []).push({
          worker: (after.worker - before.worker) / PICTURES,
          all: (after.all - before.all) / PICTURES,
        });
      }
    }
    for (const [name, values] of Object.entries(times)) {
      const worker = median(values.map((value) => value.worker)).toFixed(2);
      const all = median(values.map((value) => value.all)).toFixed(2);
      const { width, height } = size;
      lines.push(`| ${width} x ${height} | ${name} | ${worker} | ${all} |`);
    }
  }
  console.log(["| size | way | worker ms | all ms |", ...lines].join("\n"));
  await browser.close();
  await server.close();
  expect(lines.length).toBe(9);
});
