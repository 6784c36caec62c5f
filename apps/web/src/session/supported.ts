/** expectSupported: refuses artifacts that this page cannot run. */

import { ArtifactError } from "../artifact/fields.ts";
import type { ArtifactSpec } from "../artifact/spec.ts";

/** Refuses an artifact that this page cannot run, with the reason.
 *
 * @throws ArtifactError
 */
export function expectSupported(spec: ArtifactSpec): void {
  if (spec.kind !== "stream") {
    throw new ArtifactError(
      "This page runs streams, one frame after the other. Received: an " +
        `artifact of kind '${spec.kind}', which takes whole clips`,
    );
  }
  if (spec.layout !== "NHWC") {
    throw new ArtifactError(
      "This page runs .tflite files. Received: an artifact for ONNX Runtime",
    );
  }
  if (spec.quantization === "dynamic") {
    throw new ArtifactError(
      "This file has dynamic-range quantization, whose results in a browser " +
        "differ from those of other runtimes by 0.1 and more. Export it with " +
        "--quantize=int8, float16 or none.",
    );
  }
}
