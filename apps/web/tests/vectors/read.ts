/** Reads `apps/vectors`; docs/vectors.md says how the file is written. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Numbers } from "../../src/artifact/quantization.ts";
import type { DecisionConfig } from "../../src/decision/gestures.ts";
import type { TrackConfig } from "../../src/detection/tracks.ts";

export const FOLDER = join(import.meta.dirname, "../../../vectors");

/** An array of numbers, as it is written in the file. */
export interface Packed {
  dtype: "float32" | "float16" | "int8" | "uint8";
  shape: number[];
  data: string;
}
export interface Event {
  kind: string;
  label: string;
  score: number;
  time: number;
  frame: number;
  head?: string;
  /** Of the events of objects only, as is the next one. */
  track?: number;
  box?: readonly number[];
}
/** A box of one frame. */
export interface ExpectedBox {
  label: string;
  score: number;
  box: number[];
  /** The number of the object, or 0 if it has not appeared. */
  track: number;
}
export interface Case {
  kind: string;
  name: string;
  artifact: string;
  [field: string]: unknown;
}
export interface StepCase extends Case {
  steps: {
    reset: number[];
    streams: number[];
    frames: Packed;
    /** Of networks that look ahead only, as are the next two. */
    finish?: number[];
    valid?: Packed;
    answers?: (number | null)[];
    outputs: Record<string, Packed>;
    caches: Record<string, Packed>;
  }[];
}
export interface SessionCase extends Case {
  images: Packed[];
  times: number[];
  image_of_frame: number[];
  choices: string[];
  outputs: Record<string, Packed>;
  events: Event[];
  /** Of detectors only, as is the next one. */
  rules?: Partial<TrackConfig>;
  /** For each frame that was taken. */
  boxes?: ExpectedBox[][];
}
interface Backend {
  fed: Tolerances;
  free: Tolerances;
  event_scores: number;
  box_cells: number;
}
interface Tolerances {
  float: number;
  integer: number;
}

const content = JSON.parse(
  readFileSync(join(FOLDER, "vectors.json"), "utf8"),
) as {
  format: number;
  tolerances: {
    pixels: number;
    scores: number;
    logits: number;
    boxes: number;
    cpu: Backend;
    gpu: Backend;
  };
  cases: Case[];
};
if (content.format !== 1) {
  throw new Error(`The format must be 1. Received: ${content.format}`);
}
export const TOLERANCES = content.tolerances;
export const KINDS = new Set(content.cases.map((each) => each.kind));

/** Returns the cases of a kind. */
export function casesOf<T = Case>(kind: string): T[] {
  return content.cases.filter((each) => each.kind === kind) as T[];
}

/** Returns the bytes of an artifact. */
export function artifactBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(FOLDER, name)));
}

/** Returns the bytes of an array. */
export function bytesOf(packed: Packed): Uint8Array {
  return new Uint8Array(Buffer.from(packed.data, "base64"));
}

/** Returns the numbers of an array that is not float16. */
export function unpack(packed: Packed): Numbers {
  return asNumbers(bytesOf(packed), packed.dtype);
}

/** Returns bytes as numbers of a type that is not float16. */
export function asNumbers(bytes: Uint8Array, dtype: string): Numbers {
  const { buffer } = new Uint8Array(bytes);
  if (dtype === "float32") return new Float32Array(buffer);
  return dtype === "int8" ? new Int8Array(buffer) : new Uint8Array(buffer);
}

/** Returns the rules of a decision with the names of this code. */
export function decisionOf(
  json: Record<string, unknown>,
): Partial<DecisionConfig> {
  const names = Object.entries(json).map(([name, value]) => [
    name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  return Object.fromEntries(names) as Partial<DecisionConfig>;
}

/** Returns the largest difference; Infinity for NaN or other lengths. */
export function difference(
  found: ArrayLike<number>,
  expected: ArrayLike<number>,
): number {
  if (found.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < found.length; i++) {
    const gap = Math.abs(found[i]! - expected[i]!);
    if (Number.isNaN(gap)) return Infinity;
    largest = Math.max(largest, gap);
  }
  return largest;
}

/** Returns the largest absolute value. */
export function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((max, x) => Math.max(max, Math.abs(x)), 0);
}
