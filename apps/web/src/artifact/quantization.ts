/** Conversion between real values and the numbers that a tensor stores. */

import { integerRange, type TensorSpec } from "./tensors.ts";

export type Numbers = Float32Array | Int8Array | Uint8Array;

const LEAST_FLOAT = 1.1754943508222875e-38; // float32's smallest normal one.

/** Returns real values as the numbers that a tensor stores.
 *
 * It computes in float32 and rounds halves to even.
 */
export function quantize(values: ArrayLike<number>, spec: TensorSpec): Numbers {
  if (spec.dtype === "float32") return Float32Array.from(values);
  const [low, high] = integerRange(spec.dtype);
  const scale = Math.fround(spec.scale);
  const numbers = makeNumbers(spec, values.length);
  for (let i = 0; i < values.length; i++) {
    const steps = roundHalfEven(Math.fround(Math.fround(values[i]!) / scale));
    const sum = Math.fround(steps + spec.zeroPoint);
    numbers[i] = Math.min(Math.max(sum, low), high);
  }
  return numbers;
}

/** Returns the numbers that a tensor stores as float32 real values. */
export function dequantize(numbers: Numbers, spec: TensorSpec): Float32Array {
  if (spec.dtype === "float32") return Float32Array.from(numbers);
  const scale = Math.fround(spec.scale);
  return Float32Array.from(
    numbers,
    (number) => (number - spec.zeroPoint) * scale,
  );
}

/** Returns a result as real values; probabilities become logits. */
export function asReal(numbers: Numbers, spec: TensorSpec): Float32Array {
  const values = dequantize(numbers, spec);
  if (spec.role !== "probabilities") return values;
  // A quantized 0 may be any probability below half a step.
  const least = Math.fround(spec.scale / 2 || LEAST_FLOAT);
  return values.map((value) => Math.log(Math.max(value, least)));
}

/** Returns an array for so many numbers of a tensor. */
export function makeNumbers(spec: TensorSpec, count: number): Numbers {
  if (spec.dtype === "int8") return new Int8Array(count);
  return spec.dtype === "uint8"
    ? new Uint8Array(count)
    : new Float32Array(count);
}

/** Rounds to some decimal digits; what is exactly between two numbers becomes
 * the one with an even last digit, as in Python.
 */
export function roundDecimal(value: number, digits: number): number {
  const isBetween = Math.abs(value * 2 ** (digits + 1)) % 2 === 1;
  if (!isBetween) return Number(value.toFixed(digits));
  return roundHalfEven(value * 10 ** digits) / 10 ** digits;
}

/** Rounds to the nearest integer, and halves to the even one. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
