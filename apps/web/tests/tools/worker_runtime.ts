/** Opens artifacts in the page's own worker, in a browser. */

import type { Page } from "playwright-core";
import type { Artifact } from "../../src/artifact/load.ts";
import type { Opened, Request } from "../../src/network/messages.ts";
import type { OpenRuntime } from "../vectors/runtime.ts";
import { workerScript } from "./built_page.ts";

/** Runs in the page: sends one request, whose arrays are in Base64. */
async function send(packed: string): Promise<string> {
  const scope = globalThis as unknown as { test?: Worker; script: string };
  const revive = (_: string, value: unknown) =>
    typeof value === "string" && value.startsWith("base64:")
      ? Uint8Array.from(atob(value.slice(7)), (c) => c.charCodeAt(0))
      : value;
  const decode = async (text: string) => {
    const answer = await fetch(`data:;base64,${text}`); // Fast for models.
    return new Uint8Array(await answer.arrayBuffer());
  };
  const replace = (_: string, value: unknown) => {
    if (!ArrayBuffer.isView(value)) return value;
    if (value instanceof Uint8Array) {
      const text = Array.from(value, (byte) => String.fromCharCode(byte));
      return `base64:${btoa(text.join(""))}`;
    }
    return Array.from(value as Float32Array);
  };
  const request = JSON.parse(packed, revive) as Request;
  if (request.kind === "open") {
    scope.test?.terminate();
    scope.test = new Worker(scope.script);
    const folder = new URL("litert/", document.baseURI).href;
    const model = await decode(request.model as unknown as string);
    Object.assign(request, { folder, model });
  }
  const worker = scope.test!;
  return new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }) => resolve(JSON.stringify(data, replace));
    worker.postMessage({ id: 0, request });
  });
}

/** Returns a function that sends requests to a worker of the page. */
export async function workerOf(page: Page) {
  const script = new URL(workerScript("worker"), page.url()).href;
  await page.evaluate(
    (name) => Object.assign(globalThis, { script: name }),
    script,
  );
  return async (request: object): Promise<unknown> => {
    const packed = JSON.stringify(request, (_, value: unknown) =>
      ArrayBuffer.isView(value)
        ? `base64:${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")}`
        : value,
    );
    const answer = JSON.parse(await page.evaluate(send, packed), (_, value) =>
      typeof value === "string" && value.startsWith("base64:")
        ? new Uint8Array(Buffer.from(value.slice(7), "base64"))
        : value,
    ) as { result?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.result;
  };
}

/** Returns a function that opens artifacts in a worker of the page. */
export async function openInWorker(
  page: Page,
  gpu: "no" | "if equal" = "no",
  onOpened: (opened: Opened) => void = () => {},
): Promise<OpenRuntime> {
  const ask = await workerOf(page);
  return async ({ spec, model }: Artifact) => {
    const text = Buffer.from(model).toString("base64");
    const request = { kind: "open", spec, model: text, gpu };
    onOpened((await ask(request)) as Opened);
    return {
      step: (squares) => ask({ kind: "squares", squares }) as never,
      reset: async (stream) => void (await ask({ kind: "reset", stream })),
      finish: (stream) => ask({ kind: "finish", stream }) as never,
      state: (state) => ask({ kind: "state", state }) as never,
      close: () => {},
    };
  };
}
