/** Replays the cases of `apps/vectors` that need a network. */

import { expect } from "vitest";
import { loadArtifact } from "../../src/artifact/load.ts";
import { asReal } from "../../src/artifact/quantization.ts";
import type { TensorSpec } from "../../src/artifact/tensors.ts";
import { findBoxes } from "../../src/detection/boxes.ts";
import { fitPicture } from "../../src/frames/fit.ts";
import { interleaved, type Size } from "../../src/frames/picture.ts";
import type { Values } from "../../src/session/session.ts";
import { Stream } from "../../src/session/stream.ts";
import { expectAlike, withTracks } from "./alike.ts";
import {
  artifactBytes,
  asNumbers,
  bytesOf,
  difference,
  largest,
  TOLERANCES,
  unpack,
  type Event,
  type ExpectedBox,
  type Packed,
  type SessionCase,
  type StepCase,
} from "./read.ts";
import type { OpenRuntime, Runtime } from "./runtime.ts";

/** The tolerances of a backend, and the way in which caches are fed. */
type Bounds = typeof TOLERANCES.cpu;
type Way = "fed" | "free";

/** Replays a case of kind `steps`, with the expected caches fed or free. */
export async function replaySteps(
  each: StepCase,
  open: OpenRuntime,
  way: Way,
  bounds: Bounds = TOLERANCES.cpu,
): Promise<void> {
  const artifact = await loadArtifact(artifactBytes(each.artifact));
  const { spec } = artifact;
  const runtime = await open(artifact);
  try {
    await runtime.reset();
    let before: Uint8Array[] | undefined;
    let rest: Map<number, Values[]> | null = null;
    for (const step of each.steps) {
      const { finish = [] } = step;
      if (way === "fed" && before && !rest) await runtime.state(before);
      for (const stream of step.reset) await runtime.reset(stream);
      let found: (Values | null)[];
      if (finish.length > 0) {
        // All answers come at once, and then the caches are reset.
        rest ??= await finishAll(runtime, finish);
        found = step.answers!.map((answer, stream) =>
          answer === null ? null : rest!.get(stream)!.shift()!,
        );
      } else {
        expect([...(rest?.values() ?? [])].flat()).toEqual([]);
        rest = null;
        found = await runtime.step(squaresOf(step, spec.streams));
      }
      const answered = found.flatMap((values, i) => (values ? [i] : []));
      const expected = step.answers?.flatMap((answer, i) =>
        answer === null ? [] : [i],
      );
      expect(answered).toEqual(expected ?? step.streams);
      for (const [index, result] of spec.results.entries()) {
        const packed = step.outputs[result.name];
        const all = each.steps.map((other) => other.outputs[result.name]);
        if (packed) {
          const rows = found.map((values) => values?.[index] ?? null);
          checkResult(result, packed, all, rows, answered, bounds[way]);
        }
      }
      before = spec.caches.map((cache) => bytesOf(step.caches[cache.name]!));
      if (rest) continue;
      const caches = await runtime.state();
      spec.caches.forEach((cache, i) => {
        const all = each.steps.map((other) => other.caches[cache.name]!);
        checkCache(cache, caches[i]!, before![i]!, all, bounds[way]);
      });
    }
  } finally {
    await runtime.close();
  }
}

/** Replays a case of kind `session`. */
export async function replaySession(
  each: SessionCase,
  open: OpenRuntime,
): Promise<void> {
  const artifact = await loadArtifact(artifactBytes(each.artifact));
  const { spec } = artifact;
  const runtime = await open(artifact);
  try {
    const stream = new Stream(spec, each.rules);
    const found: Event[] = [];
    const boxes: ExpectedBox[][] = [];
    const note = (frame: number, events: Omit<Event, "frame">[]) =>
      found.push(...events.map((event) => ({ frame, ...event })));
    const choices: string[] = [];
    const sizes: Size[] = []; // Of the frames that were taken.
    const outputs = spec.results.map((): number[] => []);
    const answer = (frame: number, values: Values) => {
      values.forEach((numbers, i) => outputs[i]!.push(...numbers));
      note(frame, stream.answer(values));
      if (stream.objects === null) return;
      const { threshold } = stream.objects;
      const size = sizes[boxes.length]!;
      const boxesOfFrame = findBoxes(spec, values, size, threshold);
      boxes.push(withTracks(boxesOfFrame, stream.objects));
    };
    const finish = async (frame: number) => {
      for (const values of await runtime.finish(0)) answer(frame, values);
    };
    for (const [frame, time] of each.times.entries()) {
      const choice = stream.step(time);
      choices.push(choice);
      if (choice === "restart") {
        await finish(frame);
        note(frame, stream.restart());
      }
      const image = each.images[each.image_of_frame[frame]!]!;
      const [height, width] = image.shape as [number, number];
      const size = { width, height };
      stream.advance(time, choice !== "skip", size);
      if (choice !== "skip") {
        sizes.push(size);
        const picture = interleaved(
          bytesOf(image),
          size.width,
          size.height,
          "RGB",
        );
        const square = fitPicture(picture, spec.resizeSize, spec.imageSize);
        const [values] = await runtime.step([square]);
        if (values) answer(frame, values);
      }
    }
    await finish(each.times.length);
    note(each.times.length, stream.end());
    expect(choices).toEqual(each.choices);
    spec.results.forEach((result, i) => {
      const packed = each.outputs[result.name];
      if (packed === undefined) return; // A detector has boxes instead.
      const expected = asReal(unpack(packed), result);
      const bound = resultBound(result, expected, TOLERANCES.cpu.free);
      expect(difference(outputs[i]!, expected)).toBeLessThanOrEqual(bound);
    });
    const { event_scores: scores, box_cells: cells } = TOLERANCES.cpu;
    const pixels = cells * (spec.detection?.stride ?? 0);
    expectAlike(found, each.events, scores, pixels);
    expect(boxes.length).toBe(each.boxes?.length ?? 0);
    boxes.forEach((list, i) =>
      expectAlike(list, each.boxes![i]!, scores, pixels),
    );
  } finally {
    await runtime.close();
  }
}

async function finishAll(runtime: Runtime, streams: number[]) {
  const rest = new Map<number, Values[]>();
  for (const stream of streams) rest.set(stream, await runtime.finish(stream));
  return rest;
}

function squaresOf(step: StepCase["steps"][number], streams: number) {
  const pixels = bytesOf(step.frames);
  const length = pixels.length / streams;
  return Array.from({ length: streams }, (_, stream) =>
    step.streams.includes(stream)
      ? pixels.slice(stream * length, (stream + 1) * length)
      : null,
  );
}

function resultBound(
  result: TensorSpec,
  expected: Float32Array,
  bound: Bounds[Way],
): number {
  // The value of an integer differs by whole steps of the scale.
  return result.dtype === "float32"
    ? bound.float * largest(expected)
    : (bound.integer + 1e-3) * result.scale;
}

function checkResult(
  result: TensorSpec,
  packed: Packed,
  all: (Packed | undefined)[],
  found: (Float32Array | null)[],
  streams: readonly number[],
  bound: Bounds[Way],
): void {
  const everything = all.flatMap((other) =>
    other ? [...asReal(unpack(other), result)] : [],
  );
  const limit = resultBound(result, Float32Array.from(everything), bound);
  const expected = asReal(unpack(packed), result);
  const length = expected.length / packed.shape[0]!;
  for (const stream of streams) {
    const row = expected.slice(stream * length, (stream + 1) * length);
    const gap = difference(found[stream]!, row);
    expect(gap).toBeLessThanOrEqual(limit);
  }
}

function checkCache(
  cache: TensorSpec,
  found: Uint8Array,
  expected: Uint8Array,
  all: Packed[],
  bound: Bounds[Way],
): void {
  const values = asNumbers(expected, cache.dtype);
  const gap = difference(asNumbers(found, cache.dtype), values);
  const isFloat = cache.dtype === "float32";
  const highest = Math.max(...all.map((other) => largest(unpack(other))));
  expect(gap).toBeLessThanOrEqual(
    isFloat ? bound.float * highest : bound.integer,
  );
}
