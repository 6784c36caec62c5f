/** The page without its server. */

import { expect, test } from "vitest";
import {
  casePath,
  DIST,
  figures,
  MOTION,
  openModel,
  runVideo,
  usePage,
} from "../tools/built_page.ts";
import { serve } from "../tools/static_server.ts";

const built = usePage();

test("after the server has stopped, the page still runs a model", async () => {
  const server = await serve(DIST);
  const context = await built.browser.newContext();
  const page = await context.newPage();
  await page.goto(server.url);
  await page.waitForSelector("html[data-isolated]");
  // The page keeps LiteRT on its own, before any model is opened.
  await page.waitForSelector("html[data-offline=ready]");
  await server.close();
  await expect(fetch(server.url)).rejects.toThrow();
  await page.reload();
  await page.waitForSelector("html[data-isolated=true]");
  await openModel(page, MOTION);
  await runVideo(page, casePath("gestures.mp4"));
  expect((await figures(page))["Frames taken"]).toMatch(/ of 280$/);
  await context.close();
});

test("the manifest allows to install the page", async () => {
  const page = await built.open();
  const manifest = await page.evaluate(async () => {
    const link = document.querySelector<HTMLLinkElement>("link[rel=manifest]");
    const answer = await fetch(link!.href);
    return (await answer.json()) as {
      start_url: string;
      display: string;
      icons: { src: string; sizes: string }[];
    };
  });
  expect(manifest.display).toBe("standalone");
  const sizes = manifest.icons.map((icon) => icon.sizes);
  expect(sizes).toEqual(expect.arrayContaining(["192x192", "512x512"]));
  for (const { src, sizes } of manifest.icons) {
    const found = await page.evaluate(async (name) => {
      const image = new Image();
      image.src = name;
      await image.decode();
      return `${image.naturalWidth}x${image.naturalHeight}`;
    }, src);
    if (sizes !== "any") expect(found).toBe(sizes);
  }
});
