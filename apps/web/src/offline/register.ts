/** Starts the service worker, which keeps the page for use offline. */

import { chooseBuild } from "../network/builds.ts";

const RELOADED = "tsm-web reloaded";
const PATIENCE = 4000; // Milliseconds.

/** Starts the service worker, which keeps the page for use offline.
 *
 * At the first visit the page is not isolated yet, so that browsers refuse
 * threads. Then it is reloaded once.
 *
 * @returns Whether the page is about to be reloaded.
 */
export async function becomeIsolated(): Promise<boolean> {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return false; // For example in a private window.
  try {
    await serviceWorker.register("./service_worker.js");
    if (globalThis.crossOriginIsolated) return false;
    if (sessionStorage.getItem(RELOADED) !== null) return false;
    const late = new Promise((resolve) =>
      setTimeout(resolve, PATIENCE, "late"),
    );
    if ((await Promise.race([serviceWorker.ready, late])) === "late") {
      return false;
    }
    sessionStorage.setItem(RELOADED, "1");
    location.reload();
    return true;
  } catch {
    return false; // The page works without it, but not offline.
  }
}

/** Keeps the build of LiteRT that this browser needs, for use offline. */
export async function keepLitert(): Promise<void> {
  if (!navigator.serviceWorker?.controller) return;
  const { name } = chooseBuild();
  for (const ending of ["js", "wasm"]) {
    const response = await fetch(`./litert/${name}.${ending}`);
    await response.arrayBuffer(); // The service worker keeps it.
  }
  document.documentElement.dataset.offline = "ready";
}
