/** LiteRtNetwork: runs a model on the CPU in LiteRT's WebAssembly.
 *
 * The public interface of `@litertjs/core` 2.5.3 refuses int8 tensors, while
 * the WebAssembly module below it takes them. This file alone uses that module.
 * `package.json` pins the version, and a test compares its results with those
 * of Python. Once the public interface takes int8, this file should use it.
 */

import type { LiteRt } from "@litertjs/core";
import { ArtifactError } from "../artifact/fields.ts";
import { makeNumbers, type Numbers } from "../artifact/quantization.ts";
import type { ArtifactSpec } from "../artifact/spec.ts";
import type { TensorSpec } from "../artifact/tensors.ts";
import type { Network } from "./network.ts";

export type Wasm = LiteRt["liteRtWasm"];
type Model = ReturnType<Wasm["loadModel"]>;
type Compiled = Awaited<ReturnType<Wasm["compileModel"]>>;
type Buffer = InstanceType<Wasm["LiteRtTensorBuffer"]>;
interface Vector<T> {
  size(): number;
  get(index: number): T;
  delete(): void;
}

// The numbers of `ElementType` in LiteRT.
const ELEMENT_TYPES: Record<string, number> = {
  float32: 1,
  uint8: 3,
  int8: 9,
  float16: 10,
};

export class LiteRtNetwork implements Network {
  readonly backend = "cpu";
  private inputs: Buffer[] = [];
  private outputs: Buffer[] = [];
  private readonly frame: number;
  private readonly valid: number;
  private readonly caches: { input: number; output: number }[];
  private readonly results: number[];

  private constructor(
    private readonly wasm: Wasm,
    private readonly spec: ArtifactSpec,
    private readonly model: Model,
    private readonly compiled: Compiled,
    private readonly modelAt: number,
    private readonly environment: { delete(): void },
    readonly threads: number,
    names: { inputs: string[]; outputs: string[] },
  ) {
    const { inputs, outputs } = names;
    this.frame = inputs.indexOf(spec.frame.name);
    this.valid = inputs.indexOf(spec.valid?.name ?? "");
    this.caches = spec.caches.map((cache) => ({
      input: inputs.indexOf(cache.name),
      output: outputs.indexOf(cache.fedBy),
    }));
    this.results = spec.results.map(({ name }) => outputs.indexOf(name));
  }

  /** Loads a model.
   *
   * @throws ArtifactError if LiteRT cannot load it, or its tensors differ from
   *     the spec.
   */
  static async open(
    wasm: Wasm,
    spec: ArtifactSpec,
    content: Uint8Array,
    threads: number,
  ): Promise<LiteRtNetwork> {
    const environment = wasm.LiteRtEnvironment.create(null);
    const modelAt = wasm._malloc(content.length);
    wasm.HEAPU8.set(content, modelAt);
    const options = {
      accelerator: "wasm" as const,
      cpuOptions: { numThreads: threads },
    };
    let model: Model, compiled: Compiled;
    try {
      model = wasm.loadModel(environment, modelAt, content.length);
      compiled = await wasm.compileModel(environment, model, {
        environment,
        gpuOptions: {},
        webNNOptions: {},
        ...options,
      } as typeof options);
    } catch (error) {
      throw new ArtifactError(`LiteRT cannot load the model: ${reason(error)}`);
    }
    const names = signatureNames(model);
    const count = (tensors: readonly TensorSpec[], input: boolean) => {
      const found = input ? names.inputs : names.outputs;
      checkTensors(model, tensors, found, input);
    };
    count(spec.inputs, true);
    count(spec.outputs, false);
    const network = new LiteRtNetwork(
      wasm,
      spec,
      model,
      compiled,
      modelAt,
      environment,
      threads,
      names,
    );
    network.inputs = names.inputs.map((_, index) => {
      const type = model.getInputTensorType(0, index);
      const buffer = wasm.LiteRtTensorBuffer.createManaged(
        environment,
        wasm.LiteRtTensorBufferType.HOST_MEMORY,
        type,
        type.bytes(),
      );
      type.delete();
      return buffer;
    });
    return network;
  }

  get memory(): number {
    return this.wasm.HEAPU8.length;
  }

  writeFrame(write: (numbers: Numbers) => void): void {
    this.onBytes(this.inputs[this.frame]!, "WRITE", (bytes) =>
      write(asNumbers(this.spec.frame, bytes)),
    );
  }

  writeValid(numbers: Numbers): void {
    this.onBytes(this.inputs[this.valid]!, "WRITE", (bytes) =>
      asNumbers(this.spec.valid!, bytes).set(numbers),
    );
  }

  async run(): Promise<Numbers[]> {
    const outputs = await this.compiled.run(0, this.inputs);
    // The new caches become inputs, so nothing is copied.
    for (const { input, output } of this.caches) {
      this.inputs[input]!.delete();
      this.inputs[input] = outputs[output]!;
    }
    const fed = new Set(this.caches.map((cache) => cache.output));
    this.outputs = outputs.filter((_, index) => !fed.has(index));
    const results = this.results.map((output, index) =>
      this.onBytes(outputs[output]!, "READ", (bytes) =>
        asNumbers(this.spec.results[index]!, bytes).slice(),
      ),
    );
    for (const buffer of this.outputs) buffer.delete();
    this.outputs = [];
    return results;
  }

  async readState(): Promise<Uint8Array[]> {
    return this.caches.map(({ input }) =>
      this.onBytes(this.inputs[input]!, "READ", (bytes) => bytes.slice()),
    );
  }

  async writeState(state: readonly Uint8Array[]): Promise<void> {
    this.caches.forEach(({ input }, index) =>
      this.onBytes(this.inputs[input]!, "WRITE", (bytes) =>
        bytes.set(state[index]!),
      ),
    );
  }

  close(): void {
    for (const buffer of [...this.inputs, ...this.outputs]) buffer.delete();
    this.compiled.delete();
    this.model.delete();
    this.wasm._free(this.modelAt);
    this.environment.delete();
  }

  /** Calls a function with the memory of a buffer, which is valid only in it.
   *
   * The view is made anew each time, because the memory moves when it grows.
   */
  private onBytes<T>(
    buffer: Buffer,
    mode: "READ" | "WRITE",
    use: (bytes: Uint8Array) => T,
  ): T {
    const modes = this.wasm.LiteRtTensorBufferLockMode;
    const at = buffer.lock(modes[mode] as never);
    try {
      const size = buffer.packedSize();
      return use(new Uint8Array(this.wasm.HEAPU8.buffer, at, size));
    } finally {
      buffer.unlock();
    }
  }
}

/** Returns the names of the inputs and the outputs of the only signature. */
function signatureNames(model: Model) {
  if (model.getNumSignatures() !== 1) {
    throw new ArtifactError(
      "The model does not have one signature. " +
        `Received: ${model.getNumSignatures()}`,
    );
  }
  const signature = model.getSignature(0);
  const inputs = toArray(signature.inputNames());
  const outputs = toArray(signature.outputNames());
  signature.delete();
  return { inputs, outputs };
}

/** Refuses a model whose tensors differ from its spec. */
function checkTensors(
  model: Model,
  specs: readonly TensorSpec[],
  names: readonly string[],
  isInput: boolean,
): void {
  const way = isInput ? "inputs" : "outputs";
  const expected = specs.map((spec) => spec.name);
  if (`${[...names].sort()}` !== `${expected.sort()}`) {
    throw new ArtifactError(
      `The ${way} of the model differ from its spec. Expected: ${expected}. ` +
        `Received: ${names}`,
    );
  }
  for (const spec of specs) {
    const index = names.indexOf(spec.name);
    const type = isInput
      ? model.getInputTensorType(0, index)
      : model.getOutputTensorType(0, index);
    const layout = type.layout();
    const shape = toArray(layout.dimensions() as Vector<number>);
    const element = type.elementType().value;
    layout.delete();
    type.delete();
    if (
      `${shape}` !== `${spec.shape}` ||
      element !== ELEMENT_TYPES[spec.dtype]
    ) {
      throw new ArtifactError(
        `The tensor ${spec.name} of the model differs from its spec. ` +
          `Expected: ${spec.dtype} of shape [${spec.shape}]. ` +
          `Received: element type ${element} of shape [${shape}]`,
      );
    }
  }
}

function toArray<T>(vector: Vector<T>): T[] {
  const values = Array.from({ length: vector.size() }, (_, i) => vector.get(i));
  vector.delete();
  return values;
}

/** Returns a view of bytes as the numbers of a tensor. */
function asNumbers(spec: TensorSpec, bytes: Uint8Array): Numbers {
  const kind = makeNumbers(spec, 0);
  const Kind = kind.constructor as typeof Float32Array;
  const count = bytes.length / Kind.BYTES_PER_ELEMENT;
  return new Kind(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
}

/** Returns the text of what WebAssembly threw. */
function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
