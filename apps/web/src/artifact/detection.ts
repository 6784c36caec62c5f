/** DetectionRule: how the outputs of a detector become boxes. */

import { asObject, expect, isInteger, isNumber } from "./fields.ts";
import { DETECTION_ROLES, type TensorSpec } from "./tensors.ts";

/** The numbers by which `decodeBoxes` finds the boxes of a frame. */
export interface DetectionRule {
  /** The height and the width of a cell of the outputs, in pixels. */
  readonly stride: number;
  /** The score that a box must have. */
  readonly threshold: number;
  /** The maximum number of boxes per frame. */
  readonly top: number;
}

/** Returns the rule of a JSON object; ignores unknown keys. */
export function readDetection(value: unknown): DetectionRule {
  const { stride, threshold, top } = asObject("detection", value);
  expect(isInteger(stride), "detection.stride", "a number of pixels", stride);
  expect(
    isNumber(threshold) && threshold >= 0 && threshold <= 1,
    "detection.threshold",
    "a score in [0, 1]",
    threshold,
  );
  expect(isInteger(top), "detection.top", "a positive integer", top);
  return { stride, threshold, top };
}

/** Checks the outputs of a detector.
 *
 * @param frame The image input, whose first size is a number of frames.
 * @returns The heatmap, the box sizes and the box offsets.
 */
export function detectorOutputs(
  rule: DetectionRule,
  outputs: readonly TensorSpec[],
  frame: TensorSpec,
  layout: "NHWC" | "NCHW",
): TensorSpec[] {
  const { stride } = rule;
  const [frames, , imageSize] = frame.shape as [number, number, number];
  const results = outputs.filter((tensor) => tensor.role !== "cache_out");
  const byRole = DETECTION_ROLES.map((role) =>
    results.filter((tensor) => tensor.role === role),
  );
  expect(
    byRole.every((tensors) => tensors.length === 1),
    "outputs",
    `with each of the roles ${DETECTION_ROLES.join(", ")} once for a detection`,
    results.map((tensor) => tensor.role),
  );
  expect(
    imageSize % stride === 0,
    "detection.stride",
    `a divisor of the frame's ${imageSize} pixels`,
    stride,
  );
  const side = imageSize / stride;
  return byRole.map(([tensor]) => {
    const { name, role, labels, shape } = tensor!;
    const channels = role === "heatmap" ? labels.length : 2;
    const expected =
      layout === "NHWC"
        ? [frames, side, side, channels]
        : [frames, channels, side, side];
    expect(
      `${shape}` === `${expected}`,
      `shape\` of \`${name}`,
      `[${expected}] for the role '${role}', the layout ${layout} and the ` +
        `stride ${stride}`,
      shape,
    );
    return tensor!;
  });
}
