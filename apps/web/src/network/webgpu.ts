/** openGpuNetwork: runs a float32 model on WebGPU, if that gives the same. */

import {
  getGlobalLiteRt,
  loadLiteRt,
  Tensor,
  type CompiledModel,
} from "@litertjs/core";
import type { Numbers } from "../artifact/quantization.ts";
import type { ArtifactSpec } from "../artifact/spec.ts";
import { countElements, type TensorSpec } from "../artifact/tensors.ts";
import { Session, type Values } from "../session/session.ts";
import { BUILDS } from "./builds.ts";
import type { OpenRequest } from "./messages.ts";
import type { Network } from "./network.ts";

const FRAMES = 8; // The number of frames in the comparison with the CPU.
const TOLERANCE = 1e-3; // Relative to the largest value of a result.

/** Returns a network on WebGPU, or why there is none.
 *
 * The first frames of a stream are run on both backends, and WebGPU is used
 * only if all their results agree (and, if so wished, only if it is faster).
 *
 * @param cpu The session on the CPU. Its caches are reset.
 */
export async function openGpuNetwork(
  { spec, model, folder, gpu: wish }: OpenRequest,
  cpu: Session,
): Promise<Network | string> {
  const isFloat = [...spec.inputs, ...spec.outputs].every(
    (tensor) => tensor.dtype === "float32",
  );
  if (!isFloat) return "only float32 models run on WebGPU";
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<unknown> } })
    .gpu;
  if (!(await gpu?.requestAdapter())) return "this browser has no WebGPU";
  try {
    const script = `${folder}${BUILDS.plain}.js`;
    const locateFile = (file: string) => folder + file;
    Object.assign(self, {
      Module: { locateFile, mainScriptUrlOrBlob: script },
    });
    await loadLiteRt(script);
    const compiled = await getGlobalLiteRt().loadAndCompile(model, {
      accelerator: "webgpu",
      gpuOptions: { precision: "fp32" },
    });
    if (!compiled.isFullyAccelerated) {
      compiled.delete();
      return "WebGPU cannot run the whole network";
    }
    const network = new GpuNetwork(spec, compiled);
    const { difference, isFaster } = await compare(
      cpu,
      new Session(spec, network),
    );
    const isEqual = difference <= TOLERANCE;
    if (isEqual && (isFaster || wish === "if equal")) return network;
    network.close();
    return isEqual
      ? "WebGPU is slower here"
      : `WebGPU gave other results, by ${difference.toExponential(1)}`;
  } catch (error) {
    return `WebGPU failed: ${error instanceof Error ? error.message : error}`;
  }
}

/** Returns the largest difference of a result, relative to the largest value of
 * this result, and whether the GPU took less time after its first frames.
 */
async function compare(cpu: Session, gpu: Session) {
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) & 255;
  const largest = cpu.spec.results.map(() => 0);
  const difference = cpu.spec.results.map(() => 0);
  let [cpuTime, gpuTime] = [0, 0];
  await cpu.reset();
  await gpu.reset();
  const { streams, imageSize, delay } = cpu.spec;
  for (let step = -delay; step < FRAMES; step++) {
    const squares = Array.from({ length: streams }, () =>
      Uint8Array.from({ length: 3 * imageSize ** 2 }, random),
    );
    const start = performance.now();
    const expected = joined(await cpu.step(squares));
    const middle = performance.now();
    const found = joined(await gpu.step(squares));
    if (step >= FRAMES / 2) {
      cpuTime += middle - start;
      gpuTime += performance.now() - middle;
    }
    expected.forEach(([result, value], index) => {
      largest[result] = Math.max(largest[result]!, Math.abs(value));
      const gap = Math.abs(value - found[index]![1]);
      const known = Number.isNaN(gap) ? Infinity : gap;
      difference[result] = Math.max(difference[result]!, known);
    });
  }
  await cpu.reset();
  await gpu.reset();
  const relative = difference.map((gap, i) => gap && gap / largest[i]!);
  return {
    difference: Math.max(...relative),
    isFaster: gpuTime < cpuTime,
  };
}

/** Returns all values, each with the number of its result. */
function joined(streams: (Values | null)[]): [number, number][] {
  return streams.flatMap((results) =>
    (results ?? []).flatMap((values, result) =>
      Array.from(values, (value): [number, number] => [result, value]),
    ),
  );
}

class GpuNetwork implements Network {
  readonly backend = "webgpu";
  readonly threads = 1;
  readonly memory = 0;
  private readonly pixels: Float32Array;
  private valid = new Float32Array();
  private caches: Tensor[] = [];

  constructor(
    private readonly spec: ArtifactSpec,
    private readonly compiled: CompiledModel,
  ) {
    this.pixels = new Float32Array(countElements(spec.frame));
  }

  writeFrame(write: (numbers: Numbers) => void): void {
    write(this.pixels);
  }

  writeValid(numbers: Numbers): void {
    this.valid = Float32Array.from(numbers);
  }

  async run(): Promise<Numbers[]> {
    const { spec } = this;
    const inputs: Record<string, Tensor> = {};
    const feed = async (tensor: TensorSpec, numbers: Float32Array) => {
      const fed = new Tensor(numbers, [...tensor.shape]);
      inputs[tensor.name] = await fed.moveTo("webgpu");
    };
    await feed(spec.frame, this.pixels);
    if (spec.valid !== null) await feed(spec.valid, this.valid);
    spec.caches.forEach((cache, i) => (inputs[cache.name] = this.caches[i]!));
    const outputs = await this.compiled.run(inputs);
    for (const tensor of Object.values(inputs)) tensor.delete();
    // The caches stay on the GPU.
    this.caches = spec.caches.map((cache) => outputs[cache.fedBy]!);
    const kept = new Set(this.caches);
    const results = await Promise.all(
      spec.results.map(({ name }) => outputs[name]!.data()),
    );
    for (const tensor of Object.values(outputs)) {
      if (!kept.has(tensor)) tensor.delete();
    }
    return results as Float32Array[];
  }

  readState(): Promise<Uint8Array[]> {
    return Promise.all(
      this.caches.map(async (cache) => {
        const numbers = await cache.data();
        return new Uint8Array(numbers.buffer);
      }),
    );
  }

  async writeState(state: readonly Uint8Array[]): Promise<void> {
    for (const tensor of this.caches) tensor.delete();
    this.caches = await Promise.all(
      this.spec.caches.map((cache, i) => {
        const numbers = new Float32Array(state[i]!.slice().buffer);
        return new Tensor(numbers, [...cache.shape]).moveTo("webgpu");
      }),
    );
  }

  close(): void {
    for (const tensor of this.caches) tensor.delete();
    this.compiled.delete();
  }
}
