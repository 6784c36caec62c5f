/** Copies LiteRT's WebAssembly, which the page loads at run time. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { minifySync, type Plugin } from "vite";
import { BUILDS } from "../src/network/builds.ts";

/** Emits the builds of LiteRT that the page may load into `litert/`. */
export function litertFiles(): Plugin {
  return {
    name: "litert-files",
    generateBundle() {
      const main = createRequire(import.meta.url).resolve("@litertjs/core");
      const folder = join(dirname(main), "..", "wasm");
      for (const build of Object.values(BUILDS)) {
        const read = (name: string) => readFileSync(join(folder, name));
        const emit = (fileName: string, source: string | Uint8Array) =>
          this.emitFile({ type: "asset", fileName, source });
        const script = `${build}.js`;
        emit(`litert/${script}`, minified(script, read(script).toString()));
        emit(`litert/${build}.wasm`, read(`${build}.wasm`));
      }
    },
  };
}

/** Shortens a script to a third, but keeps its global names. */
function minified(name: string, source: string): string {
  const { code, errors } = minifySync(name, source, {
    module: false,
    mangle: { toplevel: false },
  });
  if (errors.length > 0) throw new Error(`${name}: ${errors[0]?.message}`);
  return code;
}
