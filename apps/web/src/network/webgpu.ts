/** openGpuNetwork: runs a float32 model on WebGPU, if that gives the same. */

import {
  getGlobalLiteRt,
  loadLiteRt,
  Tensor,
  type CompiledModel,
} from "@litertjs/core";
import type { Numbers } from "../artifact/quantization.ts";
import type { ArtifactSpec } from "../artifact/spec.ts";
import { countElements } from "../artifact/tensors.ts";
import { Session } from "../session/session.ts";
import { BUILDS } from "./builds.ts";
import type { OpenRequest } from "./messages.ts";
import type { Network } from "./network.ts";

const FRAMES = 8; // The number of frames in the comparison with the CPU.
const TOLERANCE = 1e-3; // Relative to the largest logit.

/** Returns a network on WebGPU, or why there is none.
 *
 * The first frames of a stream are run on both backends, and WebGPU is used
 * only if all their logits agree.
 *
 * @param cpu The session on the CPU. Its caches are reset.
 */
export async function openGpuNetwork(
  { spec, model, folder }: OpenRequest,
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
    await loadLiteRt(`${folder}${BUILDS.plain}.js`);
    const compiled = await getGlobalLiteRt().loadAndCompile(model, {
      accelerator: "webgpu",
      gpuOptions: { precision: "fp32" },
    });
    if (!compiled.isFullyAccelerated) {
      compiled.delete();
      return "WebGPU cannot run the whole network";
    }
    const network = new GpuNetwork(spec, compiled);
    const difference = await compare(cpu, new Session(spec, network));
    if (difference <= TOLERANCE) return network;
    network.close();
    return `WebGPU gave other results, by ${difference.toExponential(1)}`;
  } catch (error) {
    return `WebGPU failed: ${error instanceof Error ? error.message : error}`;
  }
}

/** Returns the largest difference of logits, relative to the largest logit. */
async function compare(cpu: Session, gpu: Session): Promise<number> {
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) & 255;
  let largest = 0;
  let difference = 0;
  await cpu.reset();
  await gpu.reset();
  for (let step = 0; step < FRAMES; step++) {
    const { streams, imageSize } = cpu.spec;
    const squares = Array.from({ length: streams }, () =>
      Uint8Array.from({ length: 3 * imageSize ** 2 }, random),
    );
    const [expected, found] = [
      await cpu.step(squares),
      await gpu.step(squares),
    ];
    const flat = (logits: typeof expected) =>
      logits.flatMap((heads) => heads!.flatMap((values) => [...values]));
    const values = flat(found);
    flat(expected).forEach((value, index) => {
      largest = Math.max(largest, Math.abs(value));
      const gap = Math.abs(value - values[index]!);
      difference = Math.max(difference, Number.isNaN(gap) ? Infinity : gap);
    });
  }
  await cpu.reset();
  return difference / largest;
}

class GpuNetwork implements Network {
  readonly backend = "webgpu";
  readonly threads = 1;
  readonly memory = 0;
  private readonly pixels: Float32Array;
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

  async run(): Promise<Numbers[]> {
    const { spec } = this;
    const frame = await new Tensor(this.pixels, [...spec.frame.shape]).moveTo(
      "webgpu",
    );
    const inputs: Record<string, Tensor> = { [spec.frame.name]: frame };
    spec.caches.forEach((cache, i) => (inputs[cache.name] = this.caches[i]!));
    const outputs = await this.compiled.run(inputs);
    for (const tensor of Object.values(inputs)) tensor.delete();
    // The caches stay on the GPU.
    this.caches = spec.caches.map((cache) => outputs[cache.fedBy]!);
    const kept = new Set(this.caches);
    const results = await Promise.all(
      spec.heads.map((head) => outputs[head.name]!.data()),
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
