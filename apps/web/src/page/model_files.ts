/** Reads a model from a file or an address, and opens it in a worker. */

import { ArtifactError } from "../artifact/fields.ts";
import { loadArtifact, type Artifact } from "../artifact/load.ts";
import { NetworkWorker } from "../network/client.ts";
import type { Opened } from "../network/messages.ts";
import { expectSupported } from "../session/supported.ts";

const LARGEST = 512e6; // Bytes.

export interface OpenModel {
  /** The name without the parts of an address that may be secret. */
  readonly name: string;
  /** The address, or null for a file of this device. */
  readonly url: string | null;
  readonly bytes: number;
  readonly artifact: Artifact;
  readonly worker: NetworkWorker;
  readonly opened: Opened;
}

/** Reads a file.
 *
 * @throws Error with one sentence for people.
 */
export async function readFile(file: File): Promise<Uint8Array> {
  if (file.name.endsWith(".onnx")) {
    throw new ArtifactError(
      `${file.name} is for ONNX Runtime. This page runs .tflite files of ` +
        "`tsm export`.",
    );
  }
  expectSize(file.name, file.size);
  return new Uint8Array(await file.arrayBuffer());
}

/** Loads a model from an address.
 *
 * @param onProgress It is called with the share that has arrived.
 * @throws Error with one sentence for people.
 */
export async function readUrl(
  address: string,
  onProgress: (share: number) => void,
): Promise<Uint8Array> {
  const name = titleOf(address);
  let response: Response;
  try {
    response = await fetch(address, { credentials: "same-origin" });
  } catch {
    throw new Error(
      `${name} cannot be loaded: there is no answer, or its server does not ` +
        "allow other pages to read it (CORS).",
    );
  }
  if (!response.ok || response.body === null) {
    throw new Error(
      `${name} cannot be loaded: its server answers with ${response.status}.`,
    );
  }
  const total = Number(response.headers.get("Content-Length")) || 0;
  expectSize(name, total);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    size += value.length;
    expectSize(name, size);
    if (total > 0) onProgress(Math.min(1, size / total));
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Checks a model and opens it in a worker.
 *
 * @throws Error with one sentence for people.
 */
export async function openModel(
  name: string,
  url: string | null,
  content: Uint8Array,
): Promise<OpenModel> {
  try {
    const artifact = await loadArtifact(content);
    expectSupported(artifact.spec);
    const { worker, opened } = await NetworkWorker.open(artifact);
    const bytes = content.length;
    return { name, url, bytes, artifact, worker, opened };
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Returns the name of a file in an address, without what may be secret. */
export function titleOf(address: string): string {
  const { pathname, hostname } = new URL(address, document.baseURI);
  return decodeURIComponent(pathname.split("/").pop() || hostname);
}

function expectSize(name: string, bytes: number): void {
  if (bytes > LARGEST) {
    throw new Error(
      `${name} must have at most ${LARGEST / 1e6} MB. ` +
        `Received: ${Math.round(bytes / 1e6)} MB`,
    );
  }
}
