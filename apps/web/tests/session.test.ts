/** What the page refuses, and what vectors do not say about pictures. */

import { expect, test } from "vitest";
import { loadArtifact } from "../src/artifact/load.ts";
import { readSpec } from "../src/artifact/spec.ts";
import { readArchive } from "../src/artifact/archive.ts";
import { fitPicture } from "../src/frames/fit.ts";
import { interleaved, UPRIGHT, type Picture } from "../src/frames/picture.ts";
import { eventLine } from "../src/page/events_view.ts";
import { expectSupported } from "../src/session/supported.ts";
import { openInNode } from "./tools/node_runtime.ts";
import { artifactBytes, difference } from "./vectors/read.ts";

const text = readArchive(artifactBytes("float32.tflite")).spec;
type Json = Record<string, unknown>;
const spec = (change: (json: Json) => void = () => {}) => {
  const json = JSON.parse(text) as Json;
  change(json);
  return readSpec(JSON.stringify(json));
};

test("a usual artifact is supported", () => {
  expect(() => expectSupported(spec())).not.toThrow();
});

test("dynamic-range files are refused with the reason", () => {
  const dynamic = spec((json) => (json.quantization = "dynamic"));
  expect(() => expectSupported(dynamic)).toThrow(/differ .* by 0\.1/);
});

test("another task is refused", () => {
  const other = () => spec((json) => (json.task = "segmentation"));
  expect(other).toThrow(/networks that classify or detect.*'segmentation'/);
});

test.each([
  [4, /newer version: update the page. Received: 4/],
  [2, /older version: export it again. Received: 2/],
  ["3", /`format` must be 3. Received: "3"/],
])("format %s is refused with the reason", (format, reason) => {
  expect(() => spec((json) => (json.format = format))).toThrow(reason);
});

const late = readArchive(artifactBytes("lookahead.tflite")).spec;

test.each<[string, (inputs: Json[], outputs: Json[]) => void, RegExp]>([
  ["two masks", (inputs) => inputs.push({ ...inputs[1], name: "x" }), /role/],
  ["no mask", (inputs) => inputs.splice(1, 1), /`late`/],
  ["a mask for two streams", (i) => (i[1]!.shape = [2, 1, 1, 3]), /`shape`/],
  ["too few entries", (inputs) => (inputs[1]!.entries = [0, 1]), /`entries`/],
  ["a late answer", (_, outputs) => (outputs[0]!.late = -1), /`late`/],
])("a spec with %s is refused", (_, change, reason) => {
  const json = JSON.parse(late) as Json;
  expect(readSpec(late).delay).toBe(3);
  change(json.inputs as Json[], json.outputs as Json[]);
  expect(() => readSpec(JSON.stringify(json))).toThrow(reason);
});

test("a model that is not a network is refused, not run", async () => {
  const artifact = await loadArtifact(artifactBytes("float32.tflite"));
  const model = new Uint8Array(1000);
  await expect(openInNode({ ...artifact, model })).rejects.toThrow();
});

test("a model with other tensors than its spec is refused", async () => {
  const { spec, model } = await loadArtifact(artifactBytes("float32.tflite"));
  const frame = { ...spec.frame, dtype: "uint8" as const };
  const inputs = [frame, ...spec.inputs.slice(1)];
  const wrong = { spec: { ...spec, inputs, frame }, model };
  await expect(openInNode(wrong)).rejects.toThrow(/frame .*Expected: uint8/);
});

/** A picture of noise, and how it looks after a turn. */
function noise(width: number, height: number): Uint8Array {
  return Uint8Array.from(
    { length: 3 * width * height },
    (_, i) => (i * 7919) % 251,
  );
}

function turned(
  pixels: Uint8Array,
  [width, height]: [number, number],
  rotation: number,
  flip: boolean,
): Picture {
  const [w, h] = rotation % 180 === 0 ? [width, height] : [height, width];
  const data = new Uint8Array(pixels.length);
  for (let y = 0; y < h; y++) {
    for (let column = 0; column < w; column++) {
      const x = flip ? w - 1 - column : column;
      // Where the pixel was before it was turned clockwise.
      const [row, at] = {
        0: [y, x],
        90: [height - 1 - x, y],
        180: [height - 1 - y, width - 1 - x],
        270: [x, width - 1 - y],
      }[rotation]!;
      const from = 3 * (row! * width + at!);
      data.set(pixels.subarray(from, from + 3), 3 * (y * w + column));
    }
  }
  return interleaved(data, w, h, "RGB");
}

const TURNS = [0, 90, 180, 270].flatMap((rotation) =>
  [false, true].map((flip) => [rotation, flip] as const),
);

test.each(TURNS)(
  "a picture turned by %i, flip %s, is upright",
  (rotation, flip) => {
    const size: [number, number] = [41, 30];
    const pixels = noise(...size);
    const stored = interleaved(pixels, ...size, "RGB");
    const orientation = { ...UPRIGHT, rotation: rotation as 90, flip };
    const upright = turned(pixels, size, rotation, flip);
    for (const [resize, crop] of [
      [30, 25],
      [20, 17],
      [47, 40],
    ] as const) {
      const found = fitPicture(stored, resize, crop, orientation);
      const expected = fitPicture(upright, resize, crop);
      expect(difference(found, expected)).toBeLessThanOrEqual(1);
    }
  },
);

test("pixels that are not square are made square", () => {
  const wide = fitPicture(interleaved(noise(20, 40), 20, 40, "RGB"), 16, 16, {
    ...UPRIGHT,
    pixelAspect: 2,
  });
  expect(wide.length).toBe(3 * 16 * 16);
});

test("an event is a line of JSON as tsm-live writes it", () => {
  const event = {
    kind: "end",
    label: "größe",
    score: 0.123456,
    time: 1 / 3,
  } as const;
  expect(eventLine("camera", event)).toBe(
    '{"source":"camera","kind":"end","label":"größe","score":0.1235,"time":0.333}',
  );
  const line = eventLine("x", { ...event, head: "verb" });
  expect(JSON.parse(line).head).toBe("verb");
});
