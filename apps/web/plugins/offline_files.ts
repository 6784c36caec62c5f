/** Tells the service worker which files the page consists of. */

import { createHash } from "node:crypto";
import type { Plugin } from "vite";

/** Writes the names of all files and a version into the service worker.
 *
 * LiteRT's files are large and only one build is used, so they are kept when
 * they are loaded.
 */
export function offlineFiles(): Plugin {
  return {
    name: "offline-files",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const hash = createHash("sha256");
        const names: string[] = ["./"];
        for (const [name, file] of Object.entries(bundle).sort()) {
          hash.update(name);
          hash.update(file.type === "chunk" ? file.code : file.source);
          const isOwn = name !== "service_worker.js" && name !== "index.html";
          if (isOwn && !name.startsWith("litert/")) names.push(name);
        }
        const worker = bundle["service_worker.js"];
        if (worker?.type !== "chunk") throw new Error("No service worker.");
        const version = hash.digest("hex").slice(0, 16);
        worker.code = worker.code
          .replace("__FILES__", () => JSON.stringify(names))
          .replace("__VERSION__", () => JSON.stringify(version));
      },
    },
  };
}
