/** The worker that draws shows frames upright, and objects in their places. */

import type { Page } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { usePage, workerScript } from "../tools/built_page.ts";

const built = usePage();
let page: Page;
beforeAll(async () => {
  page = await built.open();
});

/** Draws a frame whose corners have four colours, and returns the sizes and
 *  the colours of the corners. */
function drawn(rotation: number, flip: boolean, shown: number) {
  return page.evaluate(
    async ([script, rotation, flip, shown]) => {
      const canvas = document.createElement("canvas");
      document.body.prepend(canvas);
      const painter = new Worker(new URL(script, document.baseURI));
      const offscreen = canvas.transferControlToOffscreen();
      painter.postMessage({ kind: "canvas", canvas: offscreen }, [offscreen]);
      const source = new OffscreenCanvas(80, 40);
      const context = source.getContext("2d")!;
      ["red", "lime", "blue", "white"].forEach((colour, i) => {
        context.fillStyle = colour;
        context.fillRect(40 * (i % 2), 20 * (i >> 1), 40, 20);
      });
      const frame = new VideoFrame(source, { timestamp: 0 });
      const [width, height] = rotation % 180 === 0 ? [80, 40] : [40, 80];
      const request = {
        kind: "picture",
        frame,
        orientation: { rotation, flip, pixelAspect: 1 },
        size: { width, height },
        marks: null,
        isMirrored: false,
        shown: { width: shown, height: shown },
        pixelRatio: 1,
      };
      const answer = new Promise((resolve) => (painter.onmessage = resolve));
      painter.postMessage(request, [frame]);
      await answer;
      const copy = new OffscreenCanvas(1, 1).getContext("2d")!;
      const read = () => {
        const { width, height } = canvas;
        copy.canvas.width = width;
        copy.canvas.height = height;
        copy.drawImage(canvas, 0, 0);
        const at = (x: number, y: number) => {
          const { data } = copy.getImageData(x, y, 1, 1);
          return [...data.subarray(0, 3)].map((value) => (value > 127 ? 1 : 0));
        };
        const corners = [
          at(4, 4),
          at(width - 5, 4),
          at(4, height - 5),
          at(width - 5, height - 5),
        ].map((bits) => bits.join(""));
        return { width, height, corners: corners.join(" ") };
      };
      // The page receives the picture of a worker some time later.
      while (read().corners.startsWith("000")) {
        await new Promise(requestAnimationFrame);
      }
      const result = read();
      painter.terminate();
      canvas.remove();
      return result;
    },
    [workerScript("painter"), rotation, flip, shown] as const,
  );
}

const [RED, LIME, BLUE, WHITE] = ["100", "010", "001", "111"];

test.each([
  [0, false, [RED, LIME, BLUE, WHITE]],
  [90, false, [BLUE, RED, WHITE, LIME]],
  [180, false, [WHITE, BLUE, LIME, RED]],
  [270, false, [LIME, WHITE, RED, BLUE]],
  [0, true, [LIME, RED, WHITE, BLUE]],
  [90, true, [RED, BLUE, LIME, WHITE]],
] as const)(
  "a frame is turned by %d degrees, flipped: %s",
  async (rotation, flip, corners) => {
    const isTurned = rotation % 180 !== 0;
    expect(await drawn(rotation, flip, 1000)).toEqual({
      width: isTurned ? 40 : 80,
      height: isTurned ? 80 : 40,
      corners: corners.join(" "),
    });
  },
);

test("a picture has no more pixels than the screen shows", async () => {
  const { width, height } = await drawn(90, false, 40);
  expect([width, height]).toEqual([20, 40]);
});

/** Draws frames as decoders give them; returns how much each picture differs
 *  from what a canvas draws of the frame itself, at most and of 255. */
function differences(count: number) {
  return page.evaluate(
    async ([script, count]) => {
      const canvas = document.createElement("canvas");
      document.body.prepend(canvas);
      const painter = new Worker(new URL(script, document.baseURI));
      const offscreen = canvas.transferControlToOffscreen();
      painter.postMessage({ kind: "canvas", canvas: offscreen }, [offscreen]);
      const found: number[] = [];
      for (let picture = 0; picture < count; picture++) {
        // Sizes and colours change.
        const [width, height] = picture % 4 < 2 ? [64, 32] : [32, 48];
        const pixels = Uint8Array.from(
          { length: (width * height * 3) / 2 },
          (_, i) => 40 + ((41 * picture + 3 * (i % width)) % 180),
        );
        const frame = new VideoFrame(pixels, {
          format: "I420",
          codedWidth: width,
          codedHeight: height,
          timestamp: picture,
        });
        const options = { willReadFrequently: true };
        const context = new OffscreenCanvas(width, height).getContext(
          "2d",
          options,
        )!;
        const read = (source: CanvasImageSource) => {
          context.clearRect(0, 0, width, height);
          context.drawImage(source, 0, 0, width, height);
          return context.getImageData(0, 0, width, height).data;
        };
        const expected = read(frame);
        const request = {
          kind: "picture",
          frame,
          orientation: { rotation: 0, flip: false, pixelAspect: 1 },
          size: { width, height },
          marks: null,
          isMirrored: false,
          shown: { width, height },
          pixelRatio: 1,
        };
        const answer = new Promise((resolve) => (painter.onmessage = resolve));
        painter.postMessage(request, [frame]);
        await answer;
        let difference = 255;
        // The page receives the picture of a worker some time later.
        for (let wait = 0; wait < 200 && difference > 2; wait++) {
          await new Promise(requestAnimationFrame);
          const drawn = read(canvas);
          const gaps = drawn.map((value, i) => Math.abs(value - expected[i]!));
          difference = Math.max(...gaps);
        }
        found.push(difference);
      }
      painter.terminate();
      canvas.remove();
      return found;
    },
    [workerScript("painter"), count] as const,
  );
}

test("frames of a decoder are drawn alike in both ways", async () => {
  const count = 14; // More than the worker needs to try both.
  const found = await differences(count);
  expect(found.length).toBe(count);
  expect(Math.max(...found)).toBeLessThanOrEqual(2);
});

/** Marks an object in the mirrored or plain picture of a camera; returns the
 *  columns of its edges, and its name as it is drawn. */
function marked(box: readonly number[], isMirrored: boolean) {
  return page.evaluate(
    async ([script, box, isMirrored]) => {
      const canvas = document.createElement("canvas");
      document.body.prepend(canvas);
      const painter = new Worker(new URL(script, document.baseURI));
      const offscreen = canvas.transferControlToOffscreen();
      painter.postMessage({ kind: "canvas", canvas: offscreen }, [offscreen]);
      const answer = new Promise((resolve) => (painter.onmessage = resolve));
      painter.postMessage({
        kind: "picture",
        frame: null, // Another element shows it.
        orientation: { rotation: 0, flip: false, pixelAspect: 1 },
        size: { width: 100, height: 50 },
        marks: [{ words: "cup 1", colour: "rgb(0 255 0)", box, trail: [] }],
        isMirrored,
        shown: { width: 400, height: 300 },
        pixelRatio: 1,
      });
      await answer;
      const copy = new OffscreenCanvas(400, 200).getContext("2d")!;
      const read = (x: number, y: number, width: number, height: number) => {
        copy.clearRect(0, 0, 400, 200);
        copy.drawImage(canvas, 0, 0);
        return copy.getImageData(x, y, width, height).data;
      };
      const edges = () => {
        const row = read(0, 150, 400, 1);
        const isGreen = (x: number) => row[4 * x + 1]! > 200;
        const columns = Array.from({ length: 400 }, (_, x) => x);
        const green = columns.filter(isGreen);
        return [green[0] ?? -1, green.at(-1) ?? -1];
      };
      // The page receives the picture of a worker some time later.
      while (edges()[0] === -1) await new Promise(requestAnimationFrame);
      const found = edges();
      const name = read(found[0]!, 82, 70, 16).join();
      const { width, height } = canvas;
      painter.terminate();
      canvas.remove();
      return { edges: found, name, size: [width, height] };
    },
    [workerScript("painter"), box, isMirrored] as const,
  );
}

test("a mirrored picture has mirrored boxes, but not mirrored names", async () => {
  const plain = await marked([10, 25, 40, 45], false);
  const mirrored = await marked([10, 25, 40, 45], true);
  expect(plain.size).toEqual([400, 200]); // As many pixels as are shown.
  expect(plain.edges[0]).toBeCloseTo(4 * 10, -1);
  expect(plain.edges[1]).toBeCloseTo(4 * 40, -1);
  expect(mirrored.edges[0]).toBeCloseTo(4 * 60, -1);
  expect(mirrored.edges[1]).toBeCloseTo(4 * 90, -1);
  expect(new Set(plain.name.split(",")).size).toBeGreaterThan(4);
  expect(mirrored.name).toBe(plain.name);
});
