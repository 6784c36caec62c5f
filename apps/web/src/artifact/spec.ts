/** ArtifactSpec: everything that the page must know to run a model file.
 *
 * `docs/artifact.md` specifies every field. Unknown keys are ignored, because
 * later versions may add some. Unknown values are refused.
 */

import {
  ArtifactError,
  areDifferent,
  asList,
  asObject,
  expect,
  isInteger,
  isNumber,
  isText,
  type JsonObject,
} from "./fields.ts";
import {
  detectorOutputs,
  readDetection,
  type DetectionRule,
} from "./detection.ts";
import { checkCaches } from "./caches.ts";
import { checkLookahead } from "./lookahead.ts";
import { isHead, isResult, readTensor, type TensorSpec } from "./tensors.ts";

export type Kind = "stream" | "clip";
type Task = "classification" | "detection";

/** Defaults of an artifact for turning scores into gestures. */
export interface DecisionDefaults {
  average?: number;
  minDuration?: number;
  cooldown?: number;
  startScore?: number;
  endScore?: number;
}

export interface ArtifactSpec {
  readonly kind: Kind;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** The image input. */
  readonly frame: TensorSpec;
  /** The input that says which frames exist, if the network looks ahead. */
  readonly valid: TensorSpec | null;
  /** By how many steps the results are later than their frames. */
  readonly delay: number;
  /** The inputs that hold the state of a stream. */
  readonly caches: readonly TensorSpec[];
  /** The outputs that classify. */
  readonly heads: readonly TensorSpec[];
  /** What is read after each step: the heads, or the heatmap, the box sizes and
   *  the box offsets of a detector. */
  readonly results: readonly TensorSpec[];
  /** How the results of a detector become boxes; null for other tasks. */
  readonly detection: DetectionRule | null;
  readonly layout: "NHWC" | "NCHW";
  /** The short side of a frame is resized to this many pixels. */
  readonly resizeSize: number;
  /** The side of the square that the network takes. */
  readonly imageSize: number;
  /** The number of streams that one call takes. */
  readonly streams: number;
  /** Seconds between two frames of the network; 0 if unknown. */
  readonly frameInterval: number;
  readonly decision: DecisionDefaults;
  readonly quantization: string;
  readonly modelHash: string;
}

const FORMAT = 3;
const MAX_RESIZE = 16; // More than 16 times the crop would take gigabytes.
// Each of these rules has only one possible value so far.
const IMAGE_RULES: JsonObject = {
  color: "RGB",
  range: [0, 255],
  orientation: "upright",
  resize: "short_side",
  shrink: "area",
  enlarge: "bilinear",
  crop: "center",
};
const DECISION_NAMES = {
  average: "average",
  min_duration: "minDuration",
  cooldown: "cooldown",
  start_score: "startScore",
  end_score: "endScore",
} as const;

/** Returns the spec of a JSON text in format 3. */
export function readSpec(text: string): ArtifactSpec {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ArtifactError(`The spec is not JSON text: ${error}`);
  }
  const json = asObject("spec", parsed);
  checkFormat(json.format);
  const image = asObject("image", json.image);
  checkRules("image.", IMAGE_RULES, image);
  checkRules("", { sampling: "segments" }, json);
  checkPlainFields(json);
  const task = readTask(json.task ?? "classification");
  const kind = json.kind as Kind;
  const inputs = asList("inputs", json.inputs).map(readTensor);
  const outputs = asList("outputs", json.outputs).map(readTensor);
  const names = [...inputs, ...outputs].map((tensor) => tensor.name);
  expect(areDifferent(names), "name", "different for every tensor", names);
  const layout = image.layout as "NHWC" | "NCHW";
  const frame = findFrame(kind, inputs);
  const imageSize = checkFrame(frame, layout, image);
  const streams = kind === "stream" ? frame.shape[0]! : 1;
  const heads = outputs.filter(isHead);
  checkHeads(task, outputs, heads, streams);
  const valid = inputs.find((tensor) => tensor.role === "valid") ?? null;
  const delay = checkLookahead(valid, outputs.filter(isResult), streams);
  const detection = task === "detection" ? readDetection(json.detection) : null;
  const results =
    detection === null
      ? heads
      : detectorOutputs(detection, outputs, frame, layout);
  const caches = inputs.filter((tensor) => tensor.role === "cache");
  checkCaches(caches, outputs);
  return {
    kind,
    inputs,
    outputs,
    frame,
    valid,
    delay,
    caches,
    heads,
    results,
    detection,
    layout,
    resizeSize: image.resize_size as number,
    imageSize,
    streams,
    frameInterval: json.frame_interval as number,
    decision: readDecision(json.decision ?? {}),
    quantization: json.quantization as string,
    modelHash: json.model_hash as string,
  };
}

function checkFormat(found: unknown): void {
  let expected = `${FORMAT}`;
  if (isNumber(found) && found > FORMAT) {
    expected +=
      " for this version of the page, and the file was written by a newer " +
      "version: update the page";
  } else if (found === 2) {
    expected +=
      ", and the file was written by an older version: export it again";
  }
  expect(found === FORMAT, "format", expected, found);
}

function checkRules(prefix: string, rules: JsonObject, json: JsonObject): void {
  for (const [name, value] of Object.entries(rules)) {
    const expected = JSON.stringify(value);
    const found = json[name];
    expect(JSON.stringify(found) === expected, prefix + name, expected, found);
  }
}

function checkPlainFields(json: JsonObject): void {
  const isKind = json.kind === "stream" || json.kind === "clip";
  expect(isKind, "kind", "'stream' or 'clip'", json.kind);
  for (const name of ["task", "quantization", "preset_hash", "model_hash"]) {
    const value = json[name] ?? (name === "quantization" ? null : "");
    expect(isText(value), name, "a text", json[name]);
  }
  const versions = asObject("versions", json.versions ?? {});
  const texts = Object.entries(versions).flat();
  expect(texts.every(isText), "versions", "an object of texts", versions);
  const interval = json.frame_interval;
  expect(
    isNumber(interval) && interval >= 0,
    "frame_interval",
    "seconds, or 0 if unknown",
    interval,
  );
  const segments = json.num_segments;
  expect(isInteger(segments), "num_segments", "a positive integer", segments);
}

function findFrame(kind: Kind, inputs: TensorSpec[]): TensorSpec {
  const role = kind === "stream" ? "frame" : "clip";
  const roles = inputs.map((tensor) => tensor.role);
  const known = kind === "stream" ? [role, "cache", "valid"] : [role];
  const others = roles.filter((found) => !known.includes(found));
  const valid = roles.filter((found) => found === "valid");
  const frames = inputs.filter((tensor) => tensor.role === role);
  expect(
    frames.length === 1 && others.length === 0 && valid.length <= 1,
    "inputs",
    `one tensor with the role '${role}' and, for a stream, caches and at most ` +
      "one with the role 'valid'; a tensor with another role cannot be fed",
    roles,
  );
  return frames[0]!;
}

/** Returns the side of the square that the network takes. */
function checkFrame(
  frame: TensorSpec,
  layout: unknown,
  image: JsonObject,
): number {
  const isLayout = layout === "NHWC" || layout === "NCHW";
  expect(isLayout, "layout", "'NHWC' or 'NCHW'", layout);
  const { shape } = frame;
  const size = shape.length === 4 ? shape[2]! : 0;
  const square = layout === "NHWC" ? [size, size, 3] : [3, size, size];
  expect(
    `${shape.slice(1)}` === `${square}`,
    `shape\` of \`${frame.name}`,
    `[N, S, S, 3] for the layout NHWC and [N, 3, S, S] for NCHW, which is ` +
      `${layout} here`,
    shape,
  );
  expect(
    isInteger(image.resize_size, size, MAX_RESIZE * size),
    "resize_size",
    `1 to ${MAX_RESIZE} times the frame's ${size} pixels`,
    image.resize_size,
  );
  expect(
    image.crop_size === size,
    "image.crop_size",
    `${size}, as the image input's shape says`,
    image.crop_size,
  );
  return size;
}

/** Refuses a task whose outputs this page does not understand. */
function readTask(task: unknown): Task {
  if (task === "classification" || task === "detection") return task;
  throw new ArtifactError(
    "This page runs networks that classify or detect. Received: an artifact " +
      `for the task '${task}'`,
  );
}

function checkHeads(
  task: Task,
  outputs: TensorSpec[],
  heads: TensorSpec[],
  streams: number,
): void {
  expect(
    heads.length > 0 || task !== "classification",
    "outputs",
    "with a role of logits or probabilities for a classification",
    outputs.map((tensor) => tensor.role),
  );
  for (const head of heads) {
    const shape = [streams, head.labels.length];
    expect(
      `${head.shape}` === `${shape}`,
      `shape\` of \`${head.name}`,
      `[${shape}], one number per stream and label`,
      head.shape,
    );
  }
}

function readDecision(value: unknown): DecisionDefaults {
  const json = asObject("decision", value);
  const decision: DecisionDefaults = {};
  let isValid = true;
  for (const [name, field] of Object.entries(DECISION_NAMES)) {
    const number = json[name];
    if (number === undefined) continue;
    isValid &&= isNumber(number) && number >= 0;
    decision[field] = number as number;
  }
  expect(
    isValid &&
      (decision.startScore ?? 0) <= 1 &&
      (decision.endScore ?? 0) <= (decision.startScore ?? 1),
    "decision",
    "seconds, 0 or more, and scores that satisfy " +
      "0 <= end_score <= start_score <= 1",
    json,
  );
  return decision;
}
