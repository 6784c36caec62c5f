/** NetworkWorker: runs one model in a worker of its own. */

import type { Artifact } from "../artifact/load.ts";
import { ArtifactError } from "../artifact/fields.ts";
import type { Orientation } from "../frames/picture.ts";
import type { Square } from "../session/session.ts";
import type { Answer, Opened, Request, Results } from "./messages.ts";

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A worker that holds one model.
 *
 * Another model gets another worker: a model that is left open can block the
 * threads of the next one, and a crash leaves the memory in an unknown state.
 */
export class NetworkWorker {
  private readonly worker = new Worker(
    new URL("./worker.ts", import.meta.url),
    { type: "classic", name: "network" },
  );
  private readonly waiting = new Map<number, Waiting>();
  private requests = 0;
  private failure: Error | null = null;

  private constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => this.take(data);
    this.worker.onerror = (event) =>
      this.fail(new Error(event.message || "The worker could not start."));
  }

  /** Loads a model into a new worker.
   *
   * @throws ArtifactError if the model cannot be run.
   */
  static async open({
    spec,
    model,
  }: Artifact): Promise<{ worker: NetworkWorker; opened: Opened }> {
    const worker = new NetworkWorker();
    const folder = new URL("litert/", document.baseURI).href;
    const opened = await worker.ask({
      kind: "open",
      spec,
      model,
      folder,
      gpu: "if equal and faster",
    });
    return { worker, opened };
  }

  /** Takes the next frame, which is closed, of the first stream. */
  step(frame: VideoFrame, orientation: Orientation): Promise<Results["frame"]> {
    return this.ask({ kind: "frame", frame, orientation }, [frame]);
  }

  /** Takes squares of the network's size, one or null per stream. */
  stepSquares(squares: readonly Square[]): Promise<Results["squares"]> {
    return this.ask({ kind: "squares", squares });
  }

  /** Sets the caches of one stream, or of all, to their zero state. */
  async reset(stream?: number): Promise<void> {
    await this.ask({ kind: "reset", stream });
  }

  /** Ends a stream: returns the values that are due, and resets it. */
  finish(stream?: number): Promise<Results["finish"]> {
    return this.ask({ kind: "finish", stream });
  }

  /** Sets the caches, if any are given, and returns them. */
  state(state?: readonly Uint8Array[]): Promise<Uint8Array[]> {
    return this.ask({ kind: "state", state });
  }

  /** Whether the worker has ended, by a crash or by `close`. */
  get isBroken(): boolean {
    return this.failure !== null;
  }

  /** Ends the worker. */
  close(): void {
    this.fail(new Error("The model was closed."));
  }

  private ask<R extends Request>(
    request: R,
    transfer: Transferable[] = [],
  ): Promise<Results[R["kind"]]> {
    if (this.failure !== null) return Promise.reject(this.failure);
    const id = this.requests++;
    this.worker.postMessage({ id, request }, transfer);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as never, reject });
    });
  }

  private take(answer: Answer): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if ("result" in answer) {
      waiting?.resolve(answer.result);
      return;
    }
    const error = answer.isArtifactError
      ? new ArtifactError(answer.error)
      : new Error(`The network failed: ${answer.error}`);
    waiting?.reject(error);
    if (answer.isFatal) this.fail(error);
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.worker.terminate();
    for (const { reject } of this.waiting.values()) reject(this.failure);
    this.waiting.clear();
  }
}
