/** Boxes, objects and their events, as `tsm_live` finds them. */

import { expect, test } from "vitest";
import { readArchive } from "../src/artifact/archive.ts";
import type { DetectionRule } from "../src/artifact/detection.ts";
import { readSpec } from "../src/artifact/spec.ts";
import {
  boxesInFrame,
  boxOverlap,
  decodeBoxes,
  type Box,
} from "../src/detection/boxes.ts";
import { ObjectDecision } from "../src/detection/objects.ts";
import { eventLine } from "../src/page/events_view.ts";
import { expectSupported } from "../src/session/supported.ts";
import { Stream } from "../src/session/stream.ts";
import { artifactBytes } from "./vectors/read.ts";

type Json = Record<string, unknown>;

const SIDE = 8; // Cells of 4 pixels.

/** Returns the spec of a classifier as that of a detector. */
function detector(change: (json: Json) => void = () => {}) {
  const text = readArchive(artifactBytes("float32.tflite")).spec;
  const json = JSON.parse(text) as Json;
  const output = (role: string, channels: number, labels?: string[]) => ({
    name: role,
    role,
    shape: [1, SIDE, SIDE, channels],
    dtype: "float32",
    labels,
  });
  json.task = "detection";
  json.detection = { stride: 4, threshold: 0.5, top: 9 };
  json.outputs = [
    // Tensors are found by their roles, not by their order.
    output("box_offset", 2),
    output("box_size", 2),
    output("heatmap", 2, ["ball", "cup"]),
    ...(json.outputs as Json[]).filter(({ role }) => role === "cache_out"),
  ];
  change(json);
  return readSpec(JSON.stringify(json));
}

test("the spec of a detector says how to read it", () => {
  const spec = detector();
  expect(spec.detection).toEqual({ stride: 4, threshold: 0.5, top: 9 });
  expect(spec.results.map(({ role }) => role)).toEqual([
    "heatmap",
    "box_size",
    "box_offset",
  ]);
  expect(() => expectSupported(spec)).not.toThrow();
});

const rule = (change: Json) => (json: Json) =>
  (json.detection = { ...(json.detection as Json), ...change });
const output = (index: number, change: Json) => (json: Json) =>
  Object.assign((json.outputs as Json[])[index]!, change);

test.each<[string, (json: Json) => unknown, RegExp]>([
  ["no rule", (json) => delete json.detection, /`detection` must be a JSON/],
  ["no stride", rule({ stride: undefined }), /`detection.stride`/],
  ["a stride of 0", rule({ stride: 0 }), /`detection.stride`.*Received: 0/],
  ["a stride that is no divisor", rule({ stride: 5 }), /divisor .* 32 pixels/],
  ["a high threshold", rule({ threshold: 1.5 }), /score in \[0, 1\]/],
  ["a threshold in words", rule({ threshold: "0.3" }), /`detection.threshold`/],
  ["no top", rule({ top: undefined }), /`detection.top`/],
  ["another stride", rule({ stride: 8 }), /\[1,4,4,2\] .* stride 8/],
  ["two heatmaps", output(1, { role: "heatmap", labels: ["a"] }), /once for/],
  ["no box sizes", output(1, { role: "other" }), /box_size, box_offset once/],
  ["three sizes", output(1, { shape: [1, 8, 8, 3] }), /`shape` of `box_size`/],
  ["no labels", output(2, { labels: [] }), /`labels` of `heatmap`/],
  ["too many labels", output(2, { labels: ["a", "b", "c"] }), /\[1,8,8,3\]/],
  ["float16", output(2, { dtype: "float16" }), /`dtype` of `heatmap`/],
  ["a late output", output(2, { late: 1 }), /`late`/],
])("a detector with %s is refused", (_, change, reason) => {
  expect(() => detector(change)).toThrow(reason);
});

/** Returns the values of a detector that finds boxes at some cells. */
function outputs(
  cells: { x: number; y: number; label?: number; logit: number }[],
  size: [number, number] = [2, 3],
  offset: [number, number] = [0.5, 0.25],
): Float32Array[] {
  const heatmap = new Float32Array(2 * SIDE * SIDE).fill(-9);
  for (const { x, y, label = 0, logit } of cells) {
    heatmap[2 * (SIDE * y + x) + label] = logit;
  }
  const fill = (pair: number[]) =>
    Float32Array.from({ length: heatmap.length }, (_, i) => pair[i % 2]!);
  return [heatmap, fill(size), fill(offset)];
}

const RULE: DetectionRule = { stride: 4, threshold: 0.5, top: 9 };

test("a box is around the centre that its cell says", () => {
  const found = decodeBoxes(outputs([{ x: 2, y: 5, logit: 0 }]), SIDE, RULE);
  const [x, y] = [4 * 2.5, 4 * 5.25];
  expect(found).toEqual([
    { box: [x - 4, y - 6, x + 4, y + 6], label: 0, score: 0.5 },
  ]);
});

test("only peaks are boxes, and a plateau has one", () => {
  const cells = [
    ...[0, 1, 2].map((x) => ({ x, y: 0, logit: 1 })), // Its first cell.
    { x: 1, y: 1, logit: 1 },
    { x: 7, y: 7, logit: 3 },
    { x: 6, y: 7, logit: 2.5 }, // A neighbour is greater.
    { x: 6, y: 7, label: 1, logit: 2.5 }, // Not of its label.
    { x: 4, y: 4, logit: NaN },
    { x: 4, y: 5, logit: 9 }, // Its neighbour is not a number.
    { x: 0, y: 7, logit: -0.1 }, // Below the threshold.
  ];
  const found = decodeBoxes(outputs(cells), SIDE, RULE);
  const centres = found.map(({ box, label }) => [
    Math.floor((box[0] + 4) / 4),
    Math.floor((box[1] + 6) / 4),
    label,
  ]);
  expect(centres).toEqual([
    [7, 7, 0],
    [6, 7, 1],
    [0, 0, 0],
  ]);
  const two = decodeBoxes(outputs(cells), SIDE, { ...RULE, top: 2 });
  expect(two).toEqual(found.slice(0, 2));
});

test("boxes are moved to the frame that the square was cut from", () => {
  // 48 x 24 pixels become 72 x 36; the square begins at column 20 and row 2.
  const spec = { resizeSize: 36, imageSize: 32 };
  const found = [{ box: [1, 2, 4, 7] as Box, label: 1, score: 0.75 }];
  const moved = boxesInFrame(found, { width: 48, height: 24 }, spec);
  const scale = 24 / 36;
  const edges = [21 * scale, 4 * scale, 24 * scale, 9 * scale];
  expect(moved).toEqual([{ ...found[0], box: edges.map(Math.fround) }]);
});

test("an overlap is the intersection over the union", () => {
  expect(boxOverlap([0, 0, 4, 4], [2, 0, 6, 4])).toBe(1 / 3);
  expect(boxOverlap([0, 0, 4, 4], [4, 0, 8, 4])).toBe(0);
  expect(boxOverlap([3, 0, 3, 4], [3, 0, 3, 4])).toBe(0);
  expect(boxOverlap([0, 0, 4, NaN], [0, 0, 4, 4])).toBe(0);
});

test("objects appear, are followed and disappear", () => {
  const decision = new ObjectDecision(["ball", "cup"]);
  const box = (x: number): Box => [x, 0, x + 8, 8];
  const ball = (x: number, score = 0.75) => ({ box: box(x), label: 0, score });
  const cup = { box: box(40), label: 1, score: 0.625 };
  const events = [[ball(0)], [ball(4), cup], [ball(8, 0.875), cup], []]
    // It is expected to go on moving while it is missing.
    .concat([[ball(16)], [ball(20)]])
    .concat(Array.from({ length: 5 }, () => []))
    .flatMap((found, frame) => decision.update(frame / 8, found));
  expect(events).toEqual([
    {
      ...{ kind: "appear", track: 1, label: "ball", score: 0.875 },
      ...{ time: 2 / 8, box: box(8) },
    },
    {
      ...{ kind: "disappear", track: 1, label: "ball", score: 0.875 },
      ...{ time: 10 / 8, box: box(20) },
    },
  ]);
  expect(decision.isActive).toBe(false);
});

test("a stream follows the objects in pixels of its frames", () => {
  const stream = new Stream(detector());
  const size = { width: 72, height: 36 };
  const note = (frame: number) => {
    stream.advance(frame / 8, true, size);
    return stream.answer(outputs([{ x: 1, y: 1, label: 1, logit: 4 }]));
  };
  const [x, y] = [20 + 4 * 1.5, 2 + 4 * 1.25];
  const box = [x - 4, y - 6, x + 4, y + 6];
  expect([0, 1].flatMap(note)).toEqual([]);
  expect(note(2)).toMatchObject([{ kind: "appear", label: "cup", box }]);
  expect(stream.isActive).toBe(true);
  expect(stream.objects!.seen).toMatchObject([
    { track: 1, label: "cup", labelIndex: 1, box },
  ]);
  expect(stream.restart()).toMatchObject([{ kind: "disappear", time: 2 / 8 }]);
  expect([3, 4, 5].flatMap(note)).toMatchObject([{ kind: "appear", track: 2 }]);
  stream.advance(1, false, size);
  expect(stream.end()).toMatchObject([{ kind: "disappear", time: 1 }]);
});

test("an event of an object is a line of JSON as tsm-live writes it", () => {
  const line = eventLine("a.mp4", {
    kind: "appear",
    track: 3,
    label: "ball",
    score: 0.123456,
    time: 0.0625, // Python rounds halves to even.
    box: [0.25, -0.75, 10.04, 11.06],
  });
  expect(line).toBe(
    '{"source":"a.mp4","kind":"appear","track":3,"label":"ball",' +
      '"score":0.1235,"time":0.062,"box":[0.2,-0.8,10,11.1]}',
  );
});
