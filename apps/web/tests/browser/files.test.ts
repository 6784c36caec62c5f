/** Videos and models that people drop on the page. */

import { readFileSync } from "node:fs";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import {
  casePath,
  figures,
  MOTION,
  openModel,
  runVideo,
  savedEvents,
  SPOTS,
  usePage,
  type SavedEvent,
} from "../tools/built_page.ts";
import { artifactBytes, difference } from "../vectors/read.ts";

const built = usePage();
const folder = mkdtempSync(join(tmpdir(), "tsm-web-files-"));
let page: Page;

beforeAll(async () => {
  page = await built.open();
});

/** Drops a file on the page, as a person does. */
async function drop(page: Page, path: string): Promise<void> {
  const name = path.split("/").pop()!;
  const text = readFileSync(path).toString("base64");
  await page.evaluate(
    async ([name, text]) => {
      const answer = await fetch(`data:;base64,${text}`);
      const transfer = new DataTransfer();
      transfer.items.add(new File([await answer.arrayBuffer()], name!));
      const options = {
        dataTransfer: transfer,
        bubbles: true,
        cancelable: true,
      };
      document.body.dispatchEvent(new DragEvent("drop", options));
    },
    [name, text],
  );
}

/** The numbers of an event that must not differ at all. */
function exact({ kind, label, time, track }: SavedEvent) {
  return { kind, label, time, track };
}

test.each([
  ["gestures.mp4", MOTION],
  ["gestures.webm", MOTION],
  ["objects.mp4", SPOTS],
  ["objects.webm", SPOTS],
])("a dropped %s gives the events of tsm-live", async (name, model) => {
  const { [name]: expected } = JSON.parse(
    readFileSync(casePath("events.json"), "utf8"),
  ) as Record<string, { events: SavedEvent[]; frames: number; taken: number }>;
  await drop(page, model);
  await page.waitForFunction(
    (title) => document.getElementById("model-name")!.textContent === title,
    model.split("/").pop(),
  );
  await page.waitForSelector("body[data-state=ready]");
  await page.selectOption("#speed", "fast", { force: true });
  await drop(page, casePath(name));
  await page.waitForSelector("body[data-run=ended]");
  const events = await savedEvents(page);
  expect(events.length).toBeGreaterThan(5);
  expect(events.map(exact)).toEqual(expected!.events.map(exact));
  events.forEach((event, i) => {
    const other = expected!.events[i]!;
    // Decoders and filters differ by a level or two of 255.
    expect(event.score).toBeCloseTo(other.score, 1);
    expect(Object.keys(event)).toEqual(Object.keys(other));
    const gap = difference(event.box ?? [], other.box ?? []);
    expect(gap).toBeLessThanOrEqual(2); // Pixels.
    expect(event.source).toBe(name);
  });
  const { "Frames taken": taken } = await figures(page);
  expect(taken).toBe(`${expected!.taken} of ${expected!.frames}`);
});

test("a video is paused, reset and closed", async () => {
  await openModel(page, MOTION);
  await page.evaluate(() => {
    (document.getElementById("speed") as HTMLSelectElement).value = "real";
  });
  await page.setInputFiles("#video-file", casePath("gestures.mp4"));
  await page.waitForSelector("body[data-run=on]");
  await page.waitForFunction(() =>
    /^[1-9]\d* of/.test(
      document.querySelector("#figures dd:nth-of-type(4)")!.textContent,
    ),
  );
  await page.click("#pause");
  const before = await figures(page);
  await page.waitForTimeout(400);
  const paused = await figures(page);
  expect(Number.parseInt(paused["Frames taken"]!)).toBeLessThanOrEqual(
    Number.parseInt(before["Frames taken"]!) + 1,
  );
  await page.click("#reset");
  await page.waitForFunction(() =>
    document.getElementById("figures")!.textContent.includes("Resets1"),
  );
  await page.click("#pause");
  await page.click("#stop");
  await page.waitForSelector("body[data-run=off]");
  expect(await page.isVisible("#open-camera")).toBe(true);
});

/** Opens a file that is no model; returns what the page says. */
async function refusal(name: string, content: Uint8Array): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, content);
  await page.evaluate(() => {
    document.getElementById("notice")!.hidden = true;
  });
  await page.setInputFiles("#model-file", path);
  await page.waitForSelector("#notice:not([hidden])");
  expect(await page.getAttribute("body", "data-state")).toBe("empty");
  return page.textContent("#notice-text") as Promise<string>;
}

const float32 = artifactBytes("float32.tflite");

function changedSpec(change: (spec: string) => string): Uint8Array {
  const text = Buffer.from(float32).toString("latin1");
  const start = text.indexOf("PK\x03\x04");
  // The archive keeps its size, so that its offsets stay right.
  const changed = change(text.slice(start));
  return new Uint8Array(Buffer.from(text.slice(0, start) + changed, "latin1"));
}

const REFUSED: [string, Uint8Array, RegExp][] = [
  ["empty.tflite", new Uint8Array(), /empty\.tflite: .*no archive follows/],
  ["text.tflite", Buffer.from("hello ".repeat(99)), /no readable spec/],
  ["cut.tflite", float32.slice(0, 30_000), /no archive follows the model/],
  ["last.tflite", float32.slice(0, -1), /no archive follows the model/],
  [
    "damaged.tflite",
    float32.map((byte, i) => (i === 20_000 ? byte ^ 1 : byte)),
    /damaged or was changed/,
  ],
  [
    "spec.tflite",
    changedSpec((spec) => spec.replace('"stream"', '"street"')),
    /spec\.json is damaged/,
  ],
  ["other.onnx", Buffer.from("onnx"), /for ONNX Runtime/],
];

test.each(REFUSED)(
  "%s is refused in one sentence",
  async (name, content, reason) => {
    const message = await refusal(name, content);
    expect(message).toMatch(reason);
    expect(message.length).toBeLessThan(300);
  },
);

const VIDEOS: [string, () => Uint8Array, RegExp][] = [
  ["text.mp4", () => Buffer.from("no video"), /cannot be read as a video/],
  ["empty.webm", () => new Uint8Array(), /cannot be read as a video/],
  [
    "cut.mp4",
    () => readFileSync(casePath("gestures.mp4")).subarray(0, 200_000),
    /cannot be read as a video/,
  ],
];

test.each(VIDEOS)(
  "%s is refused in one sentence",
  async (name, content, reason) => {
    await openModel(page, MOTION);
    const path = join(folder, name);
    writeFileSync(path, content());
    await page.setInputFiles("#video-file", path);
    await page.waitForSelector("#notice:not([hidden])");
    expect(await page.textContent("#notice-text")).toMatch(reason);
    expect(await page.getAttribute("body", "data-run")).not.toBe("on");
  },
);

test("a video waits for a model", async () => {
  const other = await built.open();
  await drop(other, casePath("gestures.mp4"));
  await other.waitForSelector("#notice:not([hidden])");
  const message = await other.textContent("#notice-text");
  expect(message).toBe("Open a model first, then a video.");
});

test("another model replaces the first", async () => {
  await openModel(page, MOTION);
  await runVideo(page, casePath("gestures.mp4"));
  await page.setInputFiles(
    "#model-file",
    casePath("mobilenet_v2_224_int8.tflite"),
  );
  await page.waitForFunction(() =>
    document.getElementById("model-name")!.textContent.includes("int8"),
  );
  await runVideo(page, casePath("gestures.mp4"));
  expect((await figures(page))["Frames taken"]).toMatch(/of 280$/);
});
