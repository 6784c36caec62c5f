/** A plain static host below a sub-path, without any special headers. */

import { createServer, type Server } from "node:http";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
};
const SUB_PATH = "/demos/gestures/";

export interface StaticServer {
  /** The address of the page. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a folder.
 *
 * @param extra Files beside it, by name.
 * @param port A port of an earlier server, or 0 for any.
 */
export async function serve(
  folder: string,
  extra: Record<string, string> = {},
  headers: Record<string, string> = {},
): Promise<StaticServer> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, "http://host");
    const name = decodeURIComponent(pathname.slice(SUB_PATH.length));
    const path = extra[name] ?? join(folder, normalize(`/${name}`));
    try {
      if (!pathname.startsWith(SUB_PATH)) throw new Error("elsewhere");
      const file = name === "" ? join(folder, "index.html") : path;
      const content = await readFile(file);
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      response.writeHead(200, {
        "Content-Type": type,
        "Content-Length": content.length,
        ...headers,
      });
      response.end(content);
    } catch {
      response.writeHead(404);
      response.end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${SUB_PATH}`,
    close: () => stop(server),
  };
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
