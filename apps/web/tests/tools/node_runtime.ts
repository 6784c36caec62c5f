/** Opens artifacts in Node, in the build for browsers like Safari. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { runInThisContext } from "node:vm";
import { BUILDS } from "../../src/network/builds.ts";
import { LiteRtNetwork, type Wasm } from "../../src/network/litert.ts";
import { Session } from "../../src/session/session.ts";
import type { OpenRuntime } from "../vectors/runtime.ts";

const require = createRequire(import.meta.url);
const folder = join(dirname(require.resolve("@litertjs/core")), "..", "wasm");
let loading: Promise<Wasm> | undefined;

/** Loads LiteRT's WebAssembly, once. */
export function loadWasm(): Promise<Wasm> {
  loading ??= load(BUILDS.compatible);
  return loading;
}

async function load(name: string): Promise<Wasm> {
  const script = join(folder, `${name}.js`);
  const source = readFileSync(script, "utf8");
  Object.assign(globalThis, { require, __filename: script, __dirname: folder });
  type Factory = (options: object) => Promise<Wasm>;
  const factory = runInThisContext(`${source};ModuleFactory`) as Factory;
  return factory({
    wasmBinary: readFileSync(join(folder, `${name}.wasm`)),
    printErr: () => {}, // It warns that there is no NPU.
  });
}

/** Opens an artifact in this process. */
export const openInNode: OpenRuntime = async ({ spec, model }) => {
  const wasm = await loadWasm();
  const network = await LiteRtNetwork.open(wasm, spec, model, 1);
  const session = new Session(spec, network);
  await session.reset();
  return {
    step: (squares) => session.step(squares),
    reset: (stream) => session.reset(stream),
    finish: (stream) => session.finish(stream),
    state: async (state) => {
      if (state !== undefined) await network.writeState(state);
      return network.readState();
    },
    close: () => network.close(),
  };
};
