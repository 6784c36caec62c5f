/** Collects the licences of the bundled packages into `licenses.txt`. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

// Licences that allow to pass the page on, with their text beside it.
const ALLOWED = ["Apache-2.0", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0"];
// The npm packages of LiteRT.js name Apache-2.0 but hold no text of it.
const APACHE = join(import.meta.dirname, "..", "..", "..", "LICENSE");

interface Manifest {
  name: string;
  version: string;
  license: string;
  repository?: { url: string } | string;
}

/** Emits `licenses.txt`; fails if a bundled package has another licence. */
export function licenses(): Plugin {
  // LiteRT's WebAssembly is copied and not bundled.
  const folders = new Set(["node_modules/@litertjs/core"]);
  return {
    name: "licenses",
    // Workers are bundled with plugins of their own, by this one list.
    config: () => ({ worker: { plugins: () => [collect(folders)] } }),
    moduleParsed: (module) => note(folders, module.id),
    generateBundle() {
      const texts = [...folders].sort().map(describe);
      const line = "=".repeat(78);
      this.emitFile({
        type: "asset",
        fileName: "licenses.txt",
        source: texts.join(`\n\n${line}\n\n`),
      });
    },
  };
}

function collect(folders: Set<string>): Plugin {
  return {
    name: "licenses-of-workers",
    moduleParsed: (module) => note(folders, module.id),
  };
}

function note(folders: Set<string>, id: string): void {
  const found = /node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id);
  if (found !== null) folders.add(found[0]);
}

function describe(folder: string): string {
  const path = join(folder, "package.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
  const { name, version, license, repository } = manifest;
  if (!ALLOWED.includes(license)) {
    throw new Error(
      `The licence of ${name} must be one of ${ALLOWED}. Received: ${license}`,
    );
  }
  const files = ["LICENSE", "LICENSE.txt", "LICENSE.md"];
  const own = files.map((file) => join(folder, file)).find(existsSync);
  if (own === undefined && license !== "Apache-2.0") {
    throw new Error(`${name} must have a file with its licence, ${license}.`);
  }
  const source = typeof repository === "string" ? repository : repository?.url;
  const text = readFileSync(own ?? APACHE, "utf8").trim();
  return `${name} ${version}, ${license}\nSource: ${source}\n\n${text}\n`;
}
