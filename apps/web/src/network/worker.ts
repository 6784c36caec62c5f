/** The worker in which a network runs. It is a classic worker, because
 * LiteRT's WebAssembly is loaded with `importScripts`.
 */

import { ArtifactError } from "../artifact/fields.ts";
import { fitPicture } from "../frames/fit.ts";
import { FrameReader } from "../frames/video_frame.ts";
import { Session } from "../session/session.ts";
import { chooseBuild, loadBuild } from "./builds.ts";
import { LiteRtNetwork } from "./litert.ts";
import type {
  Answer,
  FrameRequest,
  FrameResult,
  Opened,
  OpenRequest,
  Request,
} from "./messages.ts";
import type { Network } from "./network.ts";
import { openGpuNetwork } from "./webgpu.ts";

const reader = new FrameReader();
let session: Session | null = null;
let queue: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<{ id: number; request: Request }>) => {
  // Requests are answered one after the other.
  queue = queue.then(() => respond(data.id, data.request));
};

async function respond(id: number, request: Request): Promise<void> {
  let answer: Answer;
  try {
    answer = { id, result: await handle(request) };
  } catch (error) {
    answer = {
      id,
      error: error instanceof Error ? error.message : String(error),
      isArtifactError: error instanceof ArtifactError,
      // After a trap the memory of the module is in an unknown state.
      isFatal: request.kind === "open" || !(error instanceof RangeError),
    };
  } finally {
    if (request.kind === "frame") request.frame.close();
  }
  self.postMessage(answer);
}

function handle(request: Request): Promise<unknown> {
  if (request.kind === "open") return open(request);
  if (session === null) throw new Error("No model is open.");
  switch (request.kind) {
    case "frame":
      return stepFrame(session, request);
    case "squares":
      return session.step(request.squares);
    case "reset":
      return session.reset(request.stream).then(() => null);
    case "finish":
      return session.finish(request.stream);
    case "state":
      return exchangeState(session, request.state);
    case "memory":
      return Promise.resolve(session.network.memory);
  }
}

async function open(request: OpenRequest): Promise<Opened> {
  const { spec, model, folder } = request;
  const build = chooseBuild();
  const wasm = await loadBuild(folder, build.name);
  const network = await LiteRtNetwork.open(wasm, spec, model, build.threads);
  session = new Session(spec, network);
  await session.reset();
  await network.run(); // Some errors appear only in a run.
  await session.reset();
  if (request.gpu === "no") return opened(network, "");
  const found = await openGpuNetwork(request, session);
  if (typeof found === "string") return opened(network, found);
  network.close();
  session = new Session(spec, found);
  await session.reset();
  return opened(found, "");
}

function opened({ backend, threads }: Network, gpuReason: string): Opened {
  return { backend, threads, gpuReason };
}

async function stepFrame(
  session: Session,
  { frame, orientation }: FrameRequest,
): Promise<FrameResult> {
  const { resizeSize, imageSize, streams } = session.spec;
  const start = performance.now();
  const picture = await reader.read(frame);
  const square = fitPicture(picture, resizeSize, imageSize, orientation);
  const fitted = performance.now();
  // The page has one source, so all other streams stand still.
  const squares = Array.from({ length: streams }, (_, stream) =>
    stream === 0 ? square : null,
  );
  const [values = null] = await session.step(squares);
  const latency = performance.now() - fitted;
  return { values, fitting: fitted - start, latency };
}

async function exchangeState(
  session: Session,
  state?: readonly Uint8Array[],
): Promise<Uint8Array[]> {
  if (state !== undefined) await session.network.writeState(state);
  return session.network.readState();
}
