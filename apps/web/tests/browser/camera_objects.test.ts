/** A detector on the browser's fake camera, which plays coloured spots. */

import type { Page } from "playwright-core";
import { expect, inject, test } from "vitest";
import { classColour } from "../../src/page/classes.ts";
import {
  figures,
  openModel,
  picture,
  savedEvents,
  SPOTS,
  usePage,
} from "../tools/built_page.ts";

const built = usePage([
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  `--use-file-for-fake-video-capture=${inject("cases")}/objects.y4m`,
]);

// What `make_cases.py` draws into 320 x 240 pixels, over and over: the labels
// of spots, and the heights at which they move.
const WIDTH = 320;
const SPOTS_AT = { red_spot: 30, green_spot: 210, blue_spot: 120 };
const LABELS = Object.keys(SPOTS_AT);
const SECONDS = 7; // The video has 4 seconds.

/** Where a spot and its mark are in the mirrored picture, in the video's pixels. */
interface Seen {
  spot: number;
  mark: number;
}

/** Looks at the picture for some seconds; returns what is seen of each label. */
function watch(page: Page, seconds: number): Promise<Seen[][]> {
  const rows = Object.values(SPOTS_AT);
  const colours = LABELS.map((_, label) => classColour(label));
  return page.evaluate(
    async ([seconds, width, rows, colours]) => {
      const element = (id: string) => document.getElementById(id)!;
      const video = element("camera-picture") as HTMLVideoElement;
      const canvas = element("picture") as HTMLCanvasElement;
      const options = { willReadFrequently: true };
      const context = new OffscreenCanvas(1, 1).getContext("2d", options)!;
      const numbers = colours.map((colour) => {
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        return context.getImageData(0, 0, 1, 1).data;
      });
      /** Returns the middle of the pixels of a row that satisfy a condition. */
      const middle = (
        source: HTMLVideoElement | HTMLCanvasElement,
        columns: number,
        row: number,
        isWanted: (pixel: Uint8ClampedArray) => boolean,
      ) => {
        // The row alone is drawn.
        context.canvas.width = columns;
        const scale = columns / width;
        context.drawImage(source, 0, -row * scale, columns, 240 * scale);
        const { data } = context.getImageData(0, 0, columns, 1);
        const found = Array.from({ length: columns }, (_, x) => x).filter((x) =>
          isWanted(data.subarray(4 * x, 4 * x + 4)),
        );
        if (found.length === 0) return null;
        return (found[0]! + found.at(-1)! + 1) / 2 / scale;
      };
      const seen: Seen[][] = colours.map(() => []);
      const end = performance.now() + 1000 * seconds;
      while (performance.now() < end) {
        rows.forEach((row, label) => {
          const spot = middle(
            video,
            width,
            row,
            (pixel) =>
              pixel[label]! - pixel[(label + 1) % 3]! > 80 &&
              pixel[label]! - pixel[(label + 2) % 3]! > 80,
          );
          // Names are above the row, and the path of the centre is too.
          const mark = middle(canvas, canvas.width, row + 20, (pixel) =>
            numbers[label]!.every(
              (value, i) => Math.abs(value - pixel[i]!) < 9,
            ),
          );
          if (spot !== null && mark !== null) {
            seen[label]!.push({ spot: width - spot, mark });
          }
        });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return seen;
    },
    [seconds, WIDTH, rows, colours] as const,
  );
}

const median = (values: number[]) =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;

// The camera runs in real time, and a busy machine loses some of its frames.
test("objects of a camera are marked and told", { retry: 2 }, async () => {
  const page = await built.open("", { viewport: { width: 1200, height: 900 } });
  await openModel(page, SPOTS);
  await page.click("#open-camera");
  await page.waitForSelector("body[data-run=on]");
  await page.waitForFunction(
    () => document.querySelectorAll("#scores .objects li").length === 3,
  );
  const names = await page.locator("#scores .objects .label").allTextContents();
  await picture(page, "camera_objects");
  const seen = await watch(page, SECONDS);
  const shown = await figures(page);
  await page.click("#stop");
  await page.waitForSelector("body[data-run=off]");
  const events = await savedEvents(page);

  const words = names.map((name) => name.replace(/ \d+$/, "")).sort();
  expect(words).toEqual(["blue spot", "green spot", "red spot"]);
  // Each mark lies around its spot, which moves 6 pixels in a step.
  for (const each of seen) {
    expect(each.length).toBeGreaterThan(2);
    const gaps = each.map(({ spot, mark }) => Math.abs(spot - mark));
    expect(median(gaps)).toBeLessThan(24);
  }
  // The picture is mirrored: the red spot moves to the left, over a long way.
  const marks = seen[0]!.map(({ mark }) => mark);
  expect(Math.max(...marks) - Math.min(...marks)).toBeGreaterThan(100);

  for (const { label, source, time } of events) {
    expect(LABELS).toContain(label);
    expect(source).toBe("camera");
    expect(time).toBeGreaterThanOrEqual(0);
  }
  // Green appears, then blue; green disappears, then blue; from the start again.
  const round = ["appear green", "appear blue", "disappear green"];
  round.push("disappear blue");
  const stop = events.at(-1)!.time; // It ends what is there.
  const turns = events
    .filter(({ label, time }) => label !== "red_spot" && time < stop)
    .map(({ kind, label, time }) => ({
      name: `${kind} ${label.replace("_spot", "")}`,
      time,
    }));
  expect(turns.length).toBeGreaterThanOrEqual(4);
  const first = round.indexOf(turns[0]!.name);
  const gaps = { "appear blue": 1.1, "disappear green": 1.0 };
  turns.forEach(({ name, time }, i) => {
    expect(name).toBe(round[(first + i) % round.length]);
    const gap = gaps[name as keyof typeof gaps];
    if (gap === undefined || i === 0) return;
    expect(time - turns[i - 1]!.time).toBeGreaterThan(gap - 0.5);
    expect(time - turns[i - 1]!.time).toBeLessThan(gap + 0.5);
  });
  expect(shown.Resets).toBe("0");
});
