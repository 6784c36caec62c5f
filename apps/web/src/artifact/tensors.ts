/** TensorSpec: one input or output of an artifact, and its role. */

import {
  areDifferent,
  asObject,
  expect,
  isInteger,
  isLabel,
  isNumber,
  isText,
} from "./fields.ts";

export type Dtype = "float32" | "float16" | "int8" | "uint8";

export interface TensorSpec {
  readonly name: string;
  readonly role: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly scale: number;
  readonly zeroPoint: number;
  /** The class names of a head or a heatmap, in the order of its values. */
  readonly labels: readonly string[];
  /** The labels which mean that there is no gesture. */
  readonly noGesture: readonly string[];
  /** The number of earlier frames that a cache remembers; 0 means all. */
  readonly frames: number;
  /** The output that becomes the value of a cache for the next frame. */
  readonly fedBy: string;
  /** By how many steps a result is later than the frame that it is about. */
  readonly late: number;
  /** The number of steps ago of each frame whose existence `valid` says. */
  readonly entries: readonly number[];
}

const RANGES: Partial<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
};
const HEAD_ROLES = ["logits", "probabilities"];
export const DETECTION_ROLES = ["heatmap", "box_size", "box_offset"];
const RESULT_ROLES = [...HEAD_ROLES, ...DETECTION_ROLES];
// These roles may not be float16, in which pixels and scores lose digits.
const EXACT_ROLES = ["frame", "clip", "valid", ...RESULT_ROLES];

/** Returns whether a tensor classifies. */
export function isHead(tensor: TensorSpec): boolean {
  return HEAD_ROLES.includes(tensor.role);
}

/** Returns whether a tensor is what a network says, and no cache. */
export function isResult(tensor: TensorSpec): boolean {
  return RESULT_ROLES.includes(tensor.role);
}

/** Returns the number of elements of a tensor. */
export function countElements(tensor: TensorSpec): number {
  return tensor.shape.reduce((product, size) => product * size, 1);
}

/** Returns the smallest and the largest integer of a quantized dtype. */
export function integerRange(dtype: Dtype): readonly [number, number] {
  return RANGES[dtype] ?? [0, 0];
}

/** Returns the tensor of a JSON object; ignores unknown keys. */
export function readTensor(value: unknown): TensorSpec {
  const json = asObject("a tensor", value);
  const name = json.name;
  const check = (holds: boolean, field: string, expected: string) =>
    expect(
      holds,
      isLabel(name) ? `${field}\` of \`${name}` : field,
      expected,
      json[field],
    );
  check("role" in json, "role", "present for every tensor");
  check(isLabel(name), "name", "a name");
  const shape = json.shape;
  check(
    Array.isArray(shape) && shape.every((size) => isInteger(size)),
    "shape",
    "a list of positive integers",
  );
  check(isText(json.role), "role", "a text");
  const role = json.role as string;
  const dtypes = ["float32", "int8", "uint8"];
  if (!EXACT_ROLES.includes(role)) dtypes.push("float16");
  check(
    dtypes.includes(json.dtype as string),
    "dtype",
    `one of ${dtypes.join(", ")} for the role '${role}'`,
  );
  const dtype = json.dtype as Dtype;
  const isQuantized = dtype in RANGES;
  const { scale = 0, zero_point: zeroPoint = 0 } = json;
  check(
    isNumber(scale) && (isQuantized ? scale > 0 : scale === 0),
    "scale",
    "positive for integers and 0 for floats",
  );
  const [low, high] = integerRange(dtype);
  check(
    isInteger(zeroPoint, low, high),
    "zero_point",
    `an integer in [${low}, ${high}] for ${dtype}`,
  );
  const zeroState = json.zero_state ?? zeroPoint;
  check(zeroState === zeroPoint, "zero_state", `the zero point, ${zeroPoint}`);
  const { labels = [], no_gesture: noGesture = [] } = json;
  const needsLabels = HEAD_ROLES.includes(role) || role === "heatmap";
  check(
    Array.isArray(labels) &&
      labels.every(isLabel) &&
      areDifferent(labels) &&
      (labels.length > 0 || !needsLabels),
    "labels",
    "different names of one line each, at least one for a head or a heatmap",
  );
  const names = labels as string[];
  check(
    Array.isArray(noGesture) &&
      noGesture.every((label) => names.includes(label)) &&
      areDifferent(noGesture) &&
      (names.length === 0 || noGesture.length < names.length),
    "no_gesture",
    "some of `labels`, not all of them and none of them twice",
  );
  const { frames = 0, fed_by: fedBy = "" } = json;
  check(
    isInteger(frames, 0),
    "frames",
    "the number of frames that a cache remembers, or 0 for all",
  );
  check(
    isText(fedBy) && (fedBy !== "" || role !== "cache"),
    "fed_by",
    "the name of the output that feeds a cache",
  );
  const { late = 0, entries = [] } = json;
  check(isInteger(late, 0), "late", "a number of steps, 0 or more");
  const perStream = (shape as number[]).slice(1).reduce((a, b) => a * b, 1);
  check(
    Array.isArray(entries) &&
      entries.every((entry) => isInteger(entry, 0)) &&
      entries.length === (role === "valid" ? perStream : 0),
    "entries",
    "as many integers, 0 or more, as the role 'valid' has numbers per stream; " +
      "empty for other roles",
  );
  return {
    name: name as string,
    role,
    shape: shape as number[],
    dtype,
    scale: scale as number,
    zeroPoint: zeroPoint as number,
    labels: names,
    noGesture: noGesture as string[],
    frames: frames as number,
    fedBy: fedBy as string,
    late: late as number,
    entries: entries as number[],
  };
}
