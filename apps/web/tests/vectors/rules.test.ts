/** The cases of `apps/vectors` that need no network. */

import { expect, test } from "vitest";
import { loadArtifact } from "../../src/artifact/load.ts";
import {
  asReal,
  dequantize,
  quantize,
} from "../../src/artifact/quantization.ts";
import { readTensor } from "../../src/artifact/tensors.ts";
import {
  decisionConfig,
  GestureDecision,
} from "../../src/decision/gestures.ts";
import { FramePacer } from "../../src/decision/pacing.ts";
import { fitPicture } from "../../src/frames/fit.ts";
import { cropWindow } from "../../src/frames/geometry.ts";
import {
  interleaved,
  UPRIGHT,
  type Orientation,
  type Plane,
} from "../../src/frames/picture.ts";
import { expectAlike } from "./alike.ts";
import {
  artifactBytes,
  bytesOf,
  casesOf,
  decisionOf,
  difference,
  KINDS,
  largest,
  TOLERANCES,
  unpack,
  type Case,
  type Event,
  type Packed,
} from "./read.ts";

const TESTED = [
  ...["fit", "yuv", "quantize", "dequantize", "pacing", "decision"],
  ...["decode", "tracks", "accept", "refuse", "steps", "session"],
];

test("every kind of case is tested", () => {
  expect([...KINDS].filter((kind) => !TESTED.includes(kind))).toEqual([]);
});

interface FitCase extends Case {
  size: [number, number];
  resize_size: number;
  crop_size: number;
  accepted: boolean;
  resized: [number, number];
  corner: [number, number];
  image?: Packed;
  square?: Packed;
}

test.each(casesOf<FitCase>("fit"))("$name", (each) => {
  const [height, width] = each.size;
  const sizes = [each.resize_size, each.crop_size] as const;
  const plan = () => cropWindow(width, height, ...sizes);
  if (!each.accepted) return expect(plan).toThrow("32 times");
  const window = plan();
  expect([window.height, window.width]).toEqual(each.resized);
  expect([window.top, window.left]).toEqual(each.corner);
  if (each.image === undefined) return;
  const picture = interleaved(bytesOf(each.image), width, height, "RGB");
  const square = fitPicture(picture, ...sizes);
  const isCopied = Math.min(height, width) === each.resize_size;
  const gap = difference(square, bytesOf(each.square!));
  expect(gap).toBeLessThanOrEqual(isCopied ? 0 : TOLERANCES.pixels);
});

interface YuvPlane {
  row_stride: number;
  pixel_stride: number;
  data: Packed;
}
interface YuvCase extends Case {
  size: [number, number];
  rotation: Orientation["rotation"];
  planes: Record<"y" | "u" | "v", YuvPlane>;
  rgb: Packed;
}

test.each(casesOf<YuvCase>("yuv"))("$name", (each) => {
  const [height, width] = each.size;
  const plane = (name: "y" | "u" | "v"): Plane => {
    const { data, row_stride, pixel_stride } = each.planes[name];
    const share = name === "y" ? 1 : 2;
    return {
      data: bytesOf(data),
      offset: 0,
      pixelStride: pixel_stride,
      rowStride: row_stride,
      width: Math.ceil(width / share),
      height: Math.ceil(height / share),
    };
  };
  const picture = {
    width,
    height,
    planes: [plane("y"), plane("u"), plane("v")] as const,
    yuv: { matrix: "bt601" as const, isFullRange: true, depth: 8 },
  };
  // The square in the middle is all that a network sees of a picture.
  const size = Math.min(width, height);
  const orientation = { ...UPRIGHT, rotation: each.rotation };
  const square = fitPicture(picture, size, size, orientation);
  const [rows, columns] = each.rgb.shape as [number, number];
  const whole = interleaved(bytesOf(each.rgb), columns, rows, "RGB");
  const expected = fitPicture(whole, size, size);
  expect(difference(square, expected)).toBeLessThanOrEqual(TOLERANCES.pixels);
});

interface NumberCase extends Case {
  tensor: unknown;
  values: Packed;
  numbers: Packed;
  logits?: Packed;
}

test.each(casesOf<NumberCase>("quantize"))("$name", (each) => {
  const found = quantize(unpack(each.values), readTensor(each.tensor));
  expect(found).toEqual(unpack(each.numbers));
});

test.each(casesOf<NumberCase>("dequantize"))("$name", (each) => {
  const tensor = readTensor(each.tensor);
  const numbers = unpack(each.numbers);
  expect(dequantize(numbers, tensor)).toEqual(unpack(each.values));
  if (each.logits === undefined) return;
  const expected = unpack(each.logits);
  const gap = difference(asReal(numbers, tensor), expected);
  const bound = TOLERANCES.logits * Math.max(1, largest(expected));
  expect(gap).toBeLessThanOrEqual(bound);
});

interface PacingCase extends Case {
  interval: number;
  times: number[];
  choices: string[];
}

test.each(casesOf<PacingCase>("pacing"))("$name", (each) => {
  const pacer = new FramePacer(each.interval);
  expect(each.times.map((time) => pacer.step(time))).toEqual(each.choices);
});

interface DecisionCase extends Case {
  head: unknown;
  decision: Record<string, unknown>;
  times: number[];
  resets: number[];
  outputs: Packed;
  scores: Packed;
  events: Event[];
}

test.each(casesOf<DecisionCase>("decision"))("$name", (each) => {
  const head = readTensor(each.head);
  const config = decisionConfig(
    { decision: {} } as never,
    head,
    decisionOf(each.decision),
  );
  const decision = new GestureDecision(head.labels, config);
  const outputs = unpack(each.outputs);
  const scores = unpack(each.scores);
  const count = head.labels.length;
  const events: Event[] = [];
  const note = (frame: number, found: Omit<Event, "frame">[]) =>
    events.push(...found.map((event) => ({ frame, ...event })));
  each.times.forEach((time, frame) => {
    if (each.resets.includes(frame)) note(frame, decision.end());
    const row = [frame * count, (frame + 1) * count] as const;
    const logits = asReal(outputs.slice(...row), head);
    note(frame, decision.update(time, logits));
    const gap = difference(decision.scores, scores.slice(...row));
    expect(gap).toBeLessThanOrEqual(TOLERANCES.scores);
  });
  note(each.times.length, decision.end());
  expectAlike(events, each.events, TOLERANCES.scores, 0);
});

interface FileCase extends Case {
  start: number;
  remove: number;
  insert: Packed;
}

function changed({ artifact, start, remove, insert }: FileCase): Uint8Array {
  const bytes = artifactBytes(artifact);
  return Uint8Array.from([
    ...bytes.subarray(0, start),
    ...bytesOf(insert),
    ...bytes.subarray(start + remove),
  ]);
}

test.each(casesOf<FileCase>("accept"))("$name", async (each) => {
  await expect(loadArtifact(changed(each))).resolves.toBeDefined();
});

test.each(casesOf<FileCase>("refuse"))("$name", async (each) => {
  const refusal = loadArtifact(changed(each));
  await expect(refusal).rejects.toMatchObject({ name: "ArtifactError" });
});
