/** What people download, and its licences. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { BUILDS } from "../../src/network/builds.ts";
import { DIST } from "../tools/built_page.ts";

test("the page without WebAssembly takes less than 150 KB in gzip", () => {
  const names = readdirSync(DIST, { recursive: true }) as string[];
  // Pages are built of text; a browser loads one of LiteRT's builds.
  const loaded = names.filter(
    (name) =>
      /\.(html|js|css|svg|webmanifest)$/.test(name) &&
      (!name.startsWith("litert") || name.includes(BUILDS.threads)),
  );
  const sizes = loaded.map(
    (name) => gzipSync(readFileSync(join(DIST, name))).length,
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`the page takes ${total} bytes in gzip`);
  expect(loaded.length).toBeGreaterThan(6);
  expect(total).toBeLessThan(150_000);
});

test("the licences of all packages in the page are beside it", () => {
  const text = readFileSync(join(DIST, "licenses.txt"), "utf8");
  const { dependencies } = JSON.parse(
    readFileSync(join(DIST, "../package.json"), "utf8"),
  ) as { dependencies: Record<string, string> };
  for (const [name, version] of Object.entries(dependencies)) {
    expect(text).toContain(`${name} ${version},`);
  }
  expect(text).toContain("@litertjs/wasm-utils");
  expect(text).toContain("Apache License");
  expect(text).toContain("Mozilla Public License Version 2.0");
});
