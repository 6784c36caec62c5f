/** What the replay of network cases needs of a runtime, in Node or a browser. */

import type { Artifact } from "../../src/artifact/load.ts";
import type { Square, Values } from "../../src/session/session.ts";

export interface Runtime {
  /** Takes the next square of some streams. */
  step(squares: readonly Square[]): Promise<(Values | null)[]>;
  /** Resets one stream, or all. */
  reset(stream?: number): Promise<void>;
  /** Ends a stream and returns the values that are due. */
  finish(stream: number): Promise<Values[]>;
  /** Sets the caches, if there are any given, and returns them. */
  state(state?: readonly Uint8Array[]): Promise<Uint8Array[]>;
  close(): void | Promise<void>;
}

export type OpenRuntime = (artifact: Artifact) => Promise<Runtime>;
