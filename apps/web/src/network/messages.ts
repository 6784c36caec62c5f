/** What the page and its worker tell each other. */

import type { ArtifactSpec } from "../artifact/spec.ts";
import type { Orientation } from "../frames/picture.ts";
import type { Square, Values } from "../session/session.ts";
import type { Backend } from "./network.ts";

/** Loads a model. It is the first request to a worker. */
export interface OpenRequest {
  readonly kind: "open";
  readonly spec: ArtifactSpec;
  readonly model: Uint8Array;
  /** The address of the folder of LiteRT's WebAssembly. */
  readonly folder: string;
  /** Whether to use WebGPU, if it gives what the CPU gives. */
  readonly gpu: "no" | "if equal" | "if equal and faster";
}

/** Takes the next frame of the first stream. The frame is closed. */
export interface FrameRequest {
  readonly kind: "frame";
  readonly frame: VideoFrame;
  readonly orientation: Orientation;
}

/** Takes squares of the network's size, one or null per stream. */
export interface SquaresRequest {
  readonly kind: "squares";
  readonly squares: readonly Square[];
}

/** Sets the caches of one stream, or of all, to their zero state. */
export interface ResetRequest {
  readonly kind: "reset";
  readonly stream?: number;
}

/** Ends a stream: asks for the values that are due, and resets it. */
export interface FinishRequest {
  readonly kind: "finish";
  readonly stream?: number;
}

/** Sets the caches, if there are any in the request, and returns them. */
export interface StateRequest {
  readonly kind: "state";
  readonly state?: readonly Uint8Array[];
}

/** Asks for the bytes of memory that the runtime holds. */
export interface MemoryRequest {
  readonly kind: "memory";
}

export type Request =
  | OpenRequest
  | FrameRequest
  | SquaresRequest
  | ResetRequest
  | FinishRequest
  | StateRequest
  | MemoryRequest;

export interface Opened {
  readonly backend: Backend;
  readonly threads: number;
  /** Why WebGPU is not used although it was tried, or empty. */
  readonly gpuReason: string;
}

export interface FrameResult {
  /** The values of the frame `delay` steps ago; null before the first. */
  readonly values: Values | null;
  /** Milliseconds for reading, resizing and cropping the picture. */
  readonly fitting: number;
  /** Milliseconds for the network. */
  readonly latency: number;
}

/** What the worker answers to each kind of request. */
export interface Results {
  open: Opened;
  frame: FrameResult;
  squares: (Values | null)[];
  reset: null;
  finish: Values[];
  state: Uint8Array[];
  memory: number;
}

export type Answer =
  | { readonly id: number; readonly result: unknown }
  | {
      readonly id: number;
      readonly error: string;
      /** Whether the file is to blame. */
      readonly isArtifactError: boolean;
      /** Whether the worker cannot be used any more. */
      readonly isFatal: boolean;
    };
