/** Links, events, keyboard, narrow screens and dark mode. */

import { expect, test } from "vitest";
import {
  casePath,
  MOTION,
  openModel,
  picture,
  runVideo,
  savedEvents,
  usePage,
} from "../tools/built_page.ts";

const built = usePage([], { "models/motion.tflite": MOTION });

const CLIPBOARD = ["clipboard-read", "clipboard-write"];
const WIDE = { viewport: { width: 1200, height: 900 } };
const PHONE = { viewport: { width: 360, height: 740 } };

test("a link opens its model, and can be shared again", async () => {
  const query = "?model=models/motion.tflite%3Ftoken=secret";
  const page = await built.open(query, { permissions: CLIPBOARD, ...WIDE });
  await page.waitForSelector("body[data-state=ready]");
  // What follows the question mark may be secret.
  expect(await page.textContent("#model-name")).toBe("motion.tflite");
  expect(await page.textContent("body")).not.toContain("secret");
  await picture(page, "ready");
  await page.click("#share");
  await page.waitForFunction(
    () => document.getElementById("share")!.textContent === "Copied",
  );
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const other = await built.browser.newPage();
  await other.goto(link);
  await other.waitForSelector("body[data-state=ready]");
});

test("a model that is loading says so", async () => {
  const page = await built.open("", WIDE);
  let arrive: () => void = () => {};
  const arrival = new Promise<void>((resolve) => (arrive = resolve));
  await page.context().route("**/motion.tflite", async (route) => {
    await arrival;
    await route.continue();
  });
  await page.click("#enter-link");
  await picture(page, "link");
  await page.fill("#link", `${built.server.url}models/motion.tflite`);
  await page.click("#link-ok");
  await page.waitForSelector("#loading:not([hidden])");
  expect(await page.textContent("#loading")).toMatch(/^Loading motion.tflite/);
  await picture(page, "loading");
  arrive();
  await page.waitForSelector("body[data-state=ready]");
  expect(await page.isVisible("#loading")).toBe(false);
});

test.each([
  ["missing.tflite", /its server answers with 404/],
  ["http://127.0.0.1:9/model.tflite", /there is no answer, or .*CORS/],
])("the link %s fails with one sentence", async (model, reason) => {
  const query = `?model=${encodeURIComponent(model)}`;
  const page = await built.open(query, WIDE);
  await page.waitForSelector("#notice:not([hidden])");
  expect(await page.textContent("#notice-text")).toMatch(reason);
  await picture(page, "link_fails");
});

test("a model of this device is shared by the address of a copy", async () => {
  const page = await built.open("", { permissions: CLIPBOARD, ...WIDE });
  await openModel(page, MOTION);
  await page.click("#share");
  await picture(page, "share");
  await page.fill("#link", "https://example.com/mine.tflite");
  await page.click("#link-ok");
  await page.waitForFunction(
    () => document.getElementById("share")!.textContent === "Copied",
  );
  const link = await page.evaluate(() => navigator.clipboard.readText());
  expect(new URL(link).searchParams.get("model")).toBe(
    "https://example.com/mine.tflite",
  );
});

test("events are copied as lines of JSON", async () => {
  const page = await built.open("", { permissions: CLIPBOARD, ...WIDE });
  await picture(page, "empty");
  await openModel(page, MOTION);
  await runVideo(page, casePath("gestures.mp4"));
  await page.click("#copy-events");
  await page.waitForFunction(() =>
    document.getElementById("spoken")!.textContent.includes("clipboard"),
  );
  const text = await page.evaluate(() => navigator.clipboard.readText());
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toEqual(await savedEvents(page));
  expect(Object.keys(lines[0])).toEqual([
    "source",
    "kind",
    "label",
    "score",
    "time",
  ]);
  await picture(page, "ended");
});

test("the page works with a keyboard", async () => {
  const page = await built.open("", WIDE);
  await openModel(page, MOTION);
  await page.focus("#open-camera");
  const reached = new Set<string>();
  for (let i = 0; i < 20; i++) {
    reached.add(await page.evaluate(() => document.activeElement?.id ?? ""));
    await page.keyboard.press("Tab");
  }
  const expected = ["open-camera", "open-video", "change-model", "share"];
  expect([...reached]).toEqual(expect.arrayContaining(expected));
});

test("every control and picture has a name", async () => {
  const page = await built.open("", WIDE);
  await openModel(page, MOTION);
  const unnamed = await page.evaluate(() => {
    const controls = [...document.querySelectorAll("button, select, input")];
    return controls
      .filter((element) => {
        const { labels } = element as HTMLInputElement;
        const name =
          element.getAttribute("aria-label") ||
          element.textContent.trim() ||
          (labels?.length ?? 0) > 0;
        return !name && (element as HTMLInputElement).type !== "file";
      })
      .map((element) => element.id);
  });
  expect(unnamed).toEqual([]);
  const images = await page.$$eval("img:not([alt])", (found) => found.length);
  expect(images).toBe(0);
});

test.each(["light", "dark"] as const)("a phone in %s mode", async (scheme) => {
  const page = await built.open("", { colorScheme: scheme, ...PHONE });
  await picture(page, `phone_empty_${scheme}`);
  await openModel(page, MOTION);
  await page.selectOption("#speed", "real", { force: true });
  await page.setInputFiles("#video-file", casePath("gestures.mp4"));
  await page.waitForSelector("#gesture:not([hidden])");
  await picture(page, `phone_running_${scheme}`);
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - innerWidth,
  );
  expect(overflow).toBeLessThanOrEqual(0);
  const ground = await page.evaluate(
    () => getComputedStyle(document.body).backgroundColor,
  );
  expect(ground).toBe(
    scheme === "dark" ? "rgb(14, 17, 22)" : "rgb(244, 246, 250)",
  );
});

test("a wide screen in dark mode", async () => {
  const page = await built.open("", { colorScheme: "dark", ...WIDE });
  await openModel(page, MOTION);
  await page.selectOption("#speed", "real", { force: true });
  await page.setInputFiles("#video-file", casePath("gestures.mp4"));
  await page.waitForSelector("#gesture:not([hidden])");
  await picture(page, "running_dark");
});
