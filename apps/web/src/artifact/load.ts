/** loadArtifact: reads a `.tflite` artifact and checks its hash. */

import { readArchive } from "./archive.ts";
import { ArtifactError } from "./fields.ts";
import { readSpec, type ArtifactSpec } from "./spec.ts";

export interface Artifact {
  readonly spec: ArtifactSpec;
  /** The bytes of the model without the spec, whose hash was checked. */
  readonly model: Uint8Array;
}

/** Reads the spec of an artifact and checks the hash of its model.
 *
 * @throws ArtifactError if the file carries no spec or is damaged.
 */
export async function loadArtifact(content: Uint8Array): Promise<Artifact> {
  const archive = readArchive(content);
  const spec = readSpec(archive.spec);
  const model = content.subarray(0, archive.modelSize);
  const digest = await crypto.subtle.digest("SHA-256", model.slice().buffer);
  const hash = Array.from(new Uint8Array(digest), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
  if (hash !== spec.modelHash) {
    throw new ArtifactError(
      "The model in the file is not the one that was exported: the file is " +
        "damaged or was changed.",
    );
  }
  return { spec, model };
}
