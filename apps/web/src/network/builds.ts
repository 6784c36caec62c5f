/** Chooses and loads one of LiteRT's WebAssembly builds, in a worker. */

import type { Wasm } from "./litert.ts";

/** The builds that the page ships, in the folder `litert`. */
export const BUILDS = {
  threads: "litert_wasm_threaded_internal",
  plain: "litert_wasm_internal",
  // For browsers without relaxed SIMD, such as Safari.
  compatible: "litert_wasm_compat_internal",
} as const;

// A module with one instruction of relaxed SIMD.
const RELAXED_SIMD = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10],
  ...[15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
);
const MOST_THREADS = 4; // More are hardly faster for such small networks.

interface ModuleOptions {
  locateFile(name: string): string;
  mainScriptUrlOrBlob: string;
}
declare global {
  function importScripts(script: string): void;
  var ModuleFactory: ((options: ModuleOptions) => Promise<Wasm>) | undefined;
}

/** Returns the name of the build for this browser, and its threads. */
export function chooseBuild(): { name: string; threads: number } {
  if (!WebAssembly.validate(RELAXED_SIMD)) {
    return { name: BUILDS.compatible, threads: 1 };
  }
  const cores = Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS);
  return globalThis.crossOriginIsolated && cores > 1
    ? { name: BUILDS.threads, threads: cores }
    : { name: BUILDS.plain, threads: 1 };
}

/** Loads a build in a classic worker.
 *
 * @param folder The address of the folder `litert`, with a slash at its end.
 */
export async function loadBuild(folder: string, name: string): Promise<Wasm> {
  const script = `${folder}${name}.js`;
  importScripts(script);
  const factory = globalThis.ModuleFactory;
  if (!factory) throw new Error(`${name}.js is not LiteRT.`);
  return factory({
    locateFile: (file) => folder + file,
    mainScriptUrlOrBlob: script, // The threads start with it.
  });
}
