/** Checks of single fields of a spec, which may come from an untrusted file. */

/** The file is not an artifact, is damaged, or cannot be run here. */
export class ArtifactError extends Error {
  override name = "ArtifactError";
}

export type JsonObject = Record<string, unknown>;

const MAX_COUNT = 2 ** 31 - 1; // Runtimes count elements with 32 bits.
const SHOWN = 200; // A message repeats this many characters of a value.

/** Refuses a field of a spec that is not as expected. */
export function expect(
  holds: boolean,
  field: string,
  expected: string,
  value: unknown,
): asserts holds {
  if (holds) return;
  let shown = JSON.stringify(value) ?? "nothing";
  if (shown.length > SHOWN) shown = `${shown.slice(0, SHOWN)}...`;
  throw new ArtifactError(
    `The embedded spec is not valid: \`${field}\` must be ${expected}. ` +
      `Received: ${shown}`,
  );
}

/** Returns `value`, which must be a JSON object. */
export function asObject(field: string, value: unknown): JsonObject {
  const isObject =
    typeof value === "object" && value !== null && !Array.isArray(value);
  expect(isObject, field, "a JSON object", value);
  return value as JsonObject;
}

/** Returns `value`, which must be a JSON array. */
export function asList(field: string, value: unknown): unknown[] {
  expect(Array.isArray(value), field, "a JSON array", value);
  return value as unknown[];
}

/** Returns whether `value` is a string that UTF-8 can encode. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && !/\p{Surrogate}/u.test(value);
}

/** Returns whether `value` is a string of one line that is not empty. */
export function isLabel(value: unknown): value is string {
  // These are the characters at which Python ends a line.
  // eslint-disable-next-line no-control-regex
  const lineEnds = /[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/;
  return isText(value) && value !== "" && !lineEnds.test(value);
}

/** Returns whether `value` is a finite number. */
export function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** Returns whether `value` is an integer in [low, high]. */
export function isInteger(
  value: unknown,
  low = 1,
  high = MAX_COUNT,
): value is number {
  return (
    Number.isInteger(value) &&
    low <= (value as number) &&
    (value as number) <= high
  );
}

/** Returns whether no entry appears twice. */
export function areDifferent(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}
