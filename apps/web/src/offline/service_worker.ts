/** The service worker: keeps the page for use without a network, and adds the
 * headers without which browsers refuse threads.
 */

// The build replaces these names.
declare const __FILES__: string[];
declare const __VERSION__: string;

interface Waiting extends Event {
  waitUntil(promise: Promise<unknown>): void;
}
interface Fetching extends Waiting {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface Scope {
  addEventListener(kind: "fetch", listen: (event: Fetching) => void): void;
  addEventListener(kind: string, listen: (event: Waiting) => void): void;
  skipWaiting(): Promise<void>;
  readonly clients: { claim(): Promise<void> };
  readonly registration: { readonly scope: string };
}
const scope = self as unknown as Scope;

const PREFIX = `tsm-web ${scope.registration.scope} `;
const CACHE = PREFIX + __VERSION__;
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

scope.addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(CACHE);
    // "reload" passes by the browser's own cache, which may be older.
    const fresh = (name: string) => new Request(name, { cache: "reload" });
    await cache.addAll(__FILES__.map(fresh));
    await scope.skipWaiting();
  };
  event.waitUntil(keep());
});

scope.addEventListener("activate", (event) => {
  const clean = async () => {
    for (const name of await caches.keys()) {
      if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
    }
    await scope.clients.claim();
  };
  event.waitUntil(clean());
});

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const isOwn = request.url.startsWith(scope.registration.scope);
  if (request.method === "GET" && isOwn && !request.headers.has("range")) {
    event.respondWith(answer(request));
  }
});

/** Answers from the cache, else from the network, with more headers. */
async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  // The page is one file, whatever model its address names.
  const key = request.mode === "navigate" ? scope.registration.scope : request;
  const kept = await cache.match(key, { ignoreSearch: key !== request });
  if (kept !== undefined) return isolated(kept);
  const response = await fetch(request);
  const isLitert = new URL(request.url).pathname.includes("/litert/");
  if (response.ok && isLitert) await cache.put(request, response.clone());
  return isolated(response);
}

function isolated(response: Response): Response {
  if (response.status === 0) return response; // Its headers are hidden.
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(ISOLATION)) {
    headers.set(name, value);
  }
  const { status, statusText } = response;
  return new Response(response.body, { status, statusText, headers });
}
