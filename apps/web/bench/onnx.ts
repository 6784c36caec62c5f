/** Steps an int8 artifact in onnxruntime-web, for the comparison. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Page } from "playwright-core";

const require = createRequire(import.meta.url);

/** Returns the files of onnxruntime-web, by the name that the page asks for. */
export function onnxFiles(): Record<string, string> {
  const folder = dirname(require.resolve("onnxruntime-web/wasm"));
  const names = [
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
  ];
  return Object.fromEntries(
    names.map((name) => [`ort/${name}`, join(folder, name)]),
  );
}

/** Opens an artifact in the page, on one thread. */
export async function openOnnx(page: Page, path: string): Promise<void> {
  const text = readFileSync(path).toString("base64");
  await page.evaluate(async (text) => {
    const url = new URL("ort/ort.wasm.min.mjs", document.baseURI).href;
    // Vitest would replace a plain `import`.
    const load = new Function("url", "return import(url)");
    const ort = await load(url);
    ort.env.wasm.numThreads = 1;
    const model = await (await fetch(`data:;base64,${text}`)).arrayBuffer();
    const session = await ort.InferenceSession.create(new Uint8Array(model));
    const feeds: Record<string, unknown> = {};
    for (const { name, type, shape } of session.inputMetadata) {
      const count = shape.reduce((a: number, b: number) => a * b, 1);
      const Kind = { uint8: Uint8Array, int8: Int8Array }[type as string];
      const data = new (Kind ?? Float32Array)(count);
      feeds[name] = new ort.Tensor(type, data, shape);
    }
    Object.assign(globalThis, {
      stepOnnx: async () => {
        const start = performance.now();
        const outputs = await session.run(feeds);
        for (const name of Object.keys(outputs)) {
          const fed = name.replace(/_out$/, "");
          if (fed !== name) feeds[fed] = outputs[name];
        }
        return performance.now() - start;
      },
    });
  }, text);
}

/** Returns the median milliseconds of so many steps. */
export function stepOnnx(page: Page, count: number): Promise<number> {
  return page.evaluate(async (count) => {
    const { stepOnnx } = globalThis as unknown as {
      stepOnnx: () => Promise<number>;
    };
    const times: number[] = [];
    for (let i = 0; i < count; i++) times.push(await stepOnnx());
    return times.sort((a, b) => a - b)[count >> 1]!;
  }, count);
}
