/** The cases of `apps/vectors` for detectors that need no network. */

import { expect, test } from "vitest";
import { dequantize } from "../../src/artifact/quantization.ts";
import { DETECTION_ROLES, readTensor } from "../../src/artifact/tensors.ts";
import {
  boxesInFrame,
  decodeBoxes,
  type Box,
} from "../../src/detection/boxes.ts";
import { ObjectDecision } from "../../src/detection/objects.ts";
import type { TrackConfig } from "../../src/detection/tracks.ts";
import { expectAlike, withTracks } from "./alike.ts";
import {
  casesOf,
  TOLERANCES,
  unpack,
  type Case,
  type Event,
  type ExpectedBox,
  type Packed,
} from "./read.ts";

interface DecodeCase extends Case {
  stride: number;
  threshold: number;
  top: number;
  tensors: Record<string, unknown>;
  outputs: Record<string, Packed>;
  boxes: Omit<ExpectedBox, "track">[];
  size?: [number, number];
  resize_size: number;
  crop_size: number;
}

test.each(casesOf<DecodeCase>("decode"))("$name", (each) => {
  const tensors = DETECTION_ROLES.map((role) => readTensor(each.tensors[role]));
  const values = tensors.map((tensor) =>
    dequantize(unpack(each.outputs[tensor.role]!), tensor),
  );
  let found = decodeBoxes(values, tensors[0]!.shape[2]!, each);
  if (each.size !== undefined) {
    const [height, width] = each.size;
    const sizes = { resizeSize: each.resize_size, imageSize: each.crop_size };
    found = boxesInFrame(found, { width, height }, sizes);
  }
  const { labels } = tensors[0]!;
  const named = found.map(({ box, label, score }) => ({
    label: labels[label]!,
    score,
    box,
  }));
  expectAlike(named, each.boxes, TOLERANCES.scores, TOLERANCES.boxes);
});

interface TracksCase extends Case {
  labels: string[];
  rules: Partial<TrackConfig>;
  times: number[];
  resets: number[];
  boxes: ExpectedBox[][];
  events: Event[];
}

test.each(casesOf<TracksCase>("tracks"))("$name", (each) => {
  const { labels, rules, times, resets } = each;
  const decision = new ObjectDecision(labels, rules);
  const events: object[] = [];
  const note = (frame: number, found: readonly object[]) =>
    events.push(...found.map((event) => ({ frame, ...event })));
  each.boxes.forEach((boxes, frame) => {
    if (resets.includes(frame)) note(frame, decision.end());
    const found = boxes.map(({ label, box, score }) => ({
      label: labels.indexOf(label),
      box: box as unknown as Box,
      score,
    }));
    note(frame, decision.update(times[frame]!, found));
    expect(withTracks(found, decision)).toEqual(boxes);
  });
  note(times.length, decision.end());
  expect(events).toEqual(each.events);
});
