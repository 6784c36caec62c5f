/** Compiles AssemblyScript to WebAssembly, which is bundled as bytes. */

import { readFileSync } from "node:fs";
import asc from "assemblyscript/asc";
import type { Plugin } from "vite";

const SUFFIX = "?wasm";
const OPTIONS = [
  ...["-O3", "--converge", "--enable", "simd", "--runtime", "stub"],
  ...["--outFile", "out.wasm"],
];

/** Lets `import code from "FILE.ts?wasm"` give the bytes of a module. */
export function kernels(): Plugin {
  return {
    name: "kernels",
    enforce: "pre",
    async load(id) {
      if (!id.endsWith(SUFFIX)) return null;
      const path = id.slice(0, -SUFFIX.length);
      this.addWatchFile(path);
      const text = (await compile(path)).toString("base64");
      return (
        `const text = atob(${JSON.stringify(text)});\n` +
        "export default Uint8Array.from(text, (c) => c.charCodeAt(0));\n"
      );
    },
  };
}

async function compile(path: string): Promise<Buffer> {
  let code: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["main.ts", ...OPTIONS], {
    readFile: (name) =>
      name === "main.ts" ? readFileSync(path, "utf8") : null,
    writeFile: (_, content) => void (code = content as Uint8Array),
    listFiles: () => [],
  });
  if (error !== null || code === undefined) {
    throw new Error(`${path} cannot be compiled: ${stderr.toString()}`);
  }
  return Buffer.from(code);
}
