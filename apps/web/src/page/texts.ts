/** The figures of a model and of a run, as people read them. */

import type { Opened } from "../network/messages.ts";
import type { Run } from "../session/run.ts";
import type { OpenModel } from "./model_files.ts";

/** Returns facts about a model, by name. */
export function describeModel(model: OpenModel): Record<string, string> {
  const { spec } = model.artifact;
  const { delay, frameInterval: interval, imageSize } = spec;
  const seconds = delay * interval;
  const late = seconds > 0 ? `${+seconds.toFixed(2)} s` : `${delay} frames`;
  return {
    Size: size(model.bytes),
    Numbers:
      spec.results[0]!.dtype === "float32" ? floats(spec.quantization) : "int8",
    Picture: `${imageSize} × ${imageSize} pixels`,
    Labels: spec.results
      .flatMap(({ labels }) => (labels.length > 0 ? labels.length : []))
      .join(" + "),
    Frames: interval > 0 ? `${+(1 / interval).toFixed(1)} per second` : "all",
    ...(delay > 0 ? { "Answers late by": late } : {}),
  };
}

function size(bytes: number): string {
  return bytes < 1e6
    ? `${Math.ceil(bytes / 1e3)} kB`
    : `${(bytes / 1e6).toFixed(1)} MB`;
}

function floats(quantization: string): string {
  return quantization === "float16" ? "float16 weights" : "float32";
}

/** Returns the figures of a run, or of a model that waits for a source. */
export function describeRun(
  opened: Opened,
  run: Run | null,
): Record<string, string> {
  const taken = run !== null && run.stream.processed > 0;
  const milliseconds = (value: number) =>
    taken ? `${value.toFixed(1)} ms` : "–";
  return {
    "Runs on": describeBackend(opened),
    Network: milliseconds(run?.latency ?? 0),
    "Resize and crop": milliseconds(run?.fitting ?? 0),
    "Frames taken": taken
      ? `${run.stream.processed} of ${run.stream.frames}`
      : "–",
    "Frames dropped": run === null ? "–" : `${run.stream.dropped}`,
    Resets: run === null ? "–" : `${run.stream.resets}`,
  };
}

function describeBackend({ backend, threads }: Opened): string {
  if (backend === "webgpu") return "GPU (WebGPU)";
  return threads === 1 ? "CPU, 1 thread" : `CPU, ${threads} threads`;
}
