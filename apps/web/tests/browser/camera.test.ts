/** The browser's fake camera, which plays a rendered video over and over. */

import { expect, inject, test } from "vitest";
import {
  figures,
  MOTION,
  openModel,
  picture,
  savedEvents,
  usePage,
} from "../tools/built_page.ts";

const built = usePage([
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  `--use-file-for-fake-video-capture=${inject("cases")}/gestures.y4m`,
]);
const SECONDS = 12;

// The camera runs in real time, and a busy machine loses some of its frames.
const RETRIES = { retry: 2 };

test("gestures of a camera are seen as they happen", RETRIES, async () => {
  const page = await built.open();
  await openModel(page, MOTION);
  await page.click("#open-camera");
  await page.waitForSelector("body[data-run=on]");
  const isMirrored = () =>
    page.evaluate(() =>
      document.getElementById("camera-picture")!.classList.contains("mirrored"),
    );
  expect(await isMirrored()).toBe(true);
  await page.waitForTimeout(1000 * SECONDS);
  const shown = await figures(page);
  await picture(page, "camera");
  await page.click("#stop");
  await page.waitForSelector("body[data-run=off]");
  const events = await savedEvents(page);
  console.log(
    events.map((e) => `${e.kind} ${e.label} ${e.score} ${e.time}`),
    shown,
  );
  const starts = events.filter((event) => event.kind === "start");
  const labels = starts.map((event) => event.label);
  // The video begins anywhere, and its order is the same in each round. The
  // network sees the picture that is not mirrored.
  const round = ["swipe_right", "swipe_left", "swipe_down"];
  const first = round.indexOf(labels[0]!);
  expect(labels.length).toBeGreaterThanOrEqual(3);
  labels.forEach((label, i) => expect(label).toBe(round[(first + i) % 3]));
  // From the swipe to the right to the one to the left the video takes 2.5 s.
  const right = starts.find(
    (event, i) => event.label === "swipe_right" && i + 1 < starts.length,
  );
  const left = starts[starts.indexOf(right!) + 1]!;
  expect(left.time - right!.time).toBeGreaterThan(2.0);
  expect(left.time - right!.time).toBeLessThan(3.2);
  for (const event of events) expect(event.source).toBe("camera");
  expect(shown.Resets).toBe("0");
});

test("a camera that is not allowed is explained", async () => {
  const page = await built.open();
  await openModel(page, MOTION);
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () =>
      Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await page.click("#open-camera");
  await page.waitForSelector("#notice:not([hidden])");
  expect(await page.textContent("#notice-text")).toMatch(/not allowed/);
  await picture(page, "camera_refused");
});
