/** Reads the ZIP archive behind the model of a `.tflite` artifact.
 *
 * `docs/artifact.md` has the rules: members are stored uncompressed, without
 * ZIP64, and all offsets count from the start of the file.
 */

import { crc32 } from "./crc32.ts";
import { ArtifactError } from "./fields.ts";

const END = 0x06054b50; // The end of the central directory.
const ENTRY = 0x02014b50; // An entry of the central directory.
const LOCAL = 0x04034b50; // The header before the data of a member.
const END_SIZE = 22;
const LONGEST_COMMENT = 65535;
const SPEC_LIMIT = 1 << 20; // Bytes; a spec has a few KB.

export interface Archive {
  /** The text of the member `spec.json`. */
  readonly spec: string;
  /** The number of bytes before the archive, which are the model. */
  readonly modelSize: number;
}

/** Returns the spec of an artifact and the size of its model.
 *
 * @throws ArtifactError if the bytes do not end with such an archive.
 */
export function readArchive(content: Uint8Array): Archive {
  const view = new DataView(
    content.buffer,
    content.byteOffset,
    content.byteLength,
  );
  try {
    return readMembers(content, view);
  } catch (error) {
    const reason = error instanceof RangeError ? "it is cut short" : error;
    throw new ArtifactError(
      "The file carries no readable spec, so it is not an artifact of " +
        `\`tsm export\`: ${reason instanceof Error ? reason.message : reason}`,
    );
  }
}

function readMembers(content: Uint8Array, view: DataView): Archive {
  const end = findEnd(view);
  let at = view.getUint32(end + 16, true);
  let spec: string | null = null;
  let modelSize = content.length;
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (view.getUint32(at, true) !== ENTRY) fail("its directory is damaged");
    const nameLength = view.getUint16(at + 28, true);
    const extras =
      view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    const start = view.getUint32(at + 42, true);
    modelSize = Math.min(modelSize, start);
    const name = decode(content.subarray(at + 46, at + 46 + nameLength));
    if (name === "spec.json") spec = readMember(content, view, at, start);
    at += 46 + nameLength + extras;
  }
  if (spec === null) fail("it has no member spec.json");
  return { spec, modelSize };
}

function readMember(
  content: Uint8Array,
  view: DataView,
  entry: number,
  start: number,
): string {
  if (view.getUint16(entry + 10, true) !== 0) fail("spec.json is compressed");
  const size = view.getUint32(entry + 24, true);
  if (size > SPEC_LIMIT) {
    fail(`spec.json must have at most ${SPEC_LIMIT} bytes. Received: ${size}`);
  }
  if (view.getUint32(start, true) !== LOCAL) fail("its archive is damaged");
  const names = view.getUint16(start + 26, true);
  const from = start + 30 + names + view.getUint16(start + 28, true);
  const data = content.subarray(from, from + size);
  const isWhole = data.length === size;
  if (!isWhole || crc32(data) !== view.getUint32(entry + 16, true)) {
    fail("spec.json is damaged");
  }
  return decode(data);
}

function findEnd(view: DataView): number {
  const last = view.byteLength - END_SIZE;
  const first = Math.max(0, last - LONGEST_COMMENT);
  for (let at = last; at >= first; at--) {
    if (view.getUint32(at, true) === END) return at;
  }
  return fail("no archive follows the model");
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fail("its text is not UTF-8");
  }
}

function fail(reason: string): never {
  throw new Error(reason);
}
