/** The built page in a browser, for one test file. */

import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, inject } from "vitest";
import { launch, openPage } from "./chromium.ts";
import { serve, type StaticServer } from "./static_server.ts";

export const DIST = join(import.meta.dirname, "../../dist");
const CASES = join(import.meta.dirname, "../cases");
export const MOTION = join(CASES, "motion.tflite");
export const SPOTS = join(CASES, "spots.tflite");

export interface BuiltPage {
  browser: Browser;
  server: StaticServer;
  /** Opens the page in a profile of its own. */
  open(
    query?: string,
    options?: Parameters<Browser["newContext"]>[0],
  ): Promise<Page>;
}

/** Serves the page and starts a browser for the tests of a file. */
export function usePage(
  flags: readonly string[] = [],
  extra: Record<string, string> = {},
): BuiltPage {
  const built = {} as BuiltPage;
  built.open = (query = "", options = {}) =>
    openPage(built.browser, built.server.url + query, options);
  beforeAll(async () => {
    if (!existsSync(join(DIST, "index.html"))) {
      throw new Error("The page is not built. Run: npm run build");
    }
    built.server = await serve(DIST, extra);
    built.browser = await launch(flags);
  });
  afterAll(async () => {
    await built.browser?.close();
    await built.server?.close();
  });
  return built;
}

/** Keeps a picture of the page if `SCREENSHOTS` names a folder. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** Returns the path of a case that Python made. */
export function casePath(name: string): string {
  return join(inject("cases"), name);
}

/** Opens a model in the page and waits until it is ready. */
export async function openModel(page: Page, path: string): Promise<void> {
  await page.setInputFiles("#model-file", path);
  await page.waitForSelector("body[data-state=ready]");
}

/** Runs a video as fast as possible, to its end. */
export async function runVideo(page: Page, path: string): Promise<void> {
  await page.evaluate(() => {
    const speed = document.getElementById("speed") as HTMLSelectElement;
    speed.value = "fast";
  });
  await page.setInputFiles("#video-file", path);
  await page.waitForSelector("body[data-run=ended]");
}

/** Returns the events that the page offers as a file. */
export async function savedEvents(page: Page): Promise<SavedEvent[]> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.click("#save-events"),
  ]);
  let text = "";
  for await (const chunk of await download.createReadStream()) text += chunk;
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as SavedEvent);
}

export interface SavedEvent {
  source: string;
  kind: string;
  label: string;
  score: number;
  time: number;
  /** Of the events of objects only, as is the next one. */
  track?: number;
  box?: number[];
}

/** Returns the figures that the page shows, by name. */
export function figures(page: Page): Promise<Record<string, string>> {
  return page.evaluate(() => {
    const names = [...document.querySelectorAll("#figures dt")];
    return Object.fromEntries(
      names.map((name) => [
        name.textContent,
        name.nextElementSibling?.textContent ?? "",
      ]),
    ) as Record<string, string>;
  });
}

/** Returns the address of the script of a worker, in the page. */
export function workerScript(worker: "worker" | "painter"): string {
  const name = readdirSync(join(DIST, "assets")).find(
    (file) => file.startsWith(`${worker}-`) && file.endsWith(".js"),
  );
  return `assets/${name}`;
}
