/** Debian's Chromium without a screen. */

import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser"];
const FLAGS = [
  "--headless",
  "--no-sandbox", // Chromium refuses to run as root with a sandbox.
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts the browser; `CHROMIUM` may name another one. */
export function launch(flags: readonly string[] = []): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? PATHS.find(existsSync);
  if (executablePath === undefined) {
    throw new Error(`Chromium must be one of ${PATHS}. Set CHROMIUM.`);
  }
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags] });
}

/** Opens the page, and waits until it has become isolated.
 *
 * What the page writes as an error on its console fails the test.
 */
export async function openPage(
  browser: Browser,
  url: string,
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<Page> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForSelector("html[data-isolated]");
  return page;
}
