/** Starts the page and connects its controls. */

import { becomeIsolated, keepLitert } from "./offline/register.ts";
import { App } from "./page/app.ts";
import { isVideo, onDrop } from "./page/drops.ts";
import { find, onClick } from "./page/elements.ts";
import { askForLink, shareLink } from "./page/link_dialog.ts";

const app = new App();

onClick("choose-model", () => find("model-file").click());
onClick("change-model", () => find("model-file").click());
onClick("open-video", () => find("video-file").click());
onClick("open-camera", () => void app.watchCamera(""));
onClick("pause", () => app.pause());
onClick("reset", () => app.reset());
onClick("stop", () => void app.stop());
onClick("notice-close", () => (find("notice").hidden = true));
onClick("enter-link", () => void openLink());
onClick("share", () => void share());
onFile("model-file", (file) => app.openFile(file));
onFile("video-file", (file) => app.watchFile(file));
onDrop(async (file) => {
  await ((await isVideo(file)) ? app.watchFile(file) : app.openFile(file));
});
onSelect("speed", (value) => app.setRealTime(value === "real"));
onSelect("device", (value) => void app.watchCamera(value));
void start();

async function start(): Promise<void> {
  if (await becomeIsolated()) return;
  document.documentElement.dataset.isolated = String(crossOriginIsolated);
  keepLitert().catch(() => {}); // Without a network it is there already.
  const model = new URLSearchParams(location.search).get("model");
  if (model !== null) await app.openLink(new URL(model, document.baseURI).href);
}

async function openLink(): Promise<void> {
  const link = await askForLink(
    "Open a link",
    "The model is loaded from its server, which must allow this page to read " +
      "it (the same origin, or CORS). Nothing is sent there.",
    "Open",
  );
  if (link !== null) await app.openLink(link);
}

async function share(): Promise<void> {
  const link =
    app.model?.url ??
    (await askForLink(
      "Share a link",
      "Your model is a file on this device, and stays there. To share it, put " +
        "it on a server that allows this page to read it (CORS), and enter its " +
        "address.",
      "Copy the link",
    ));
  if (link === null) return;
  await navigator.clipboard.writeText(shareLink(link));
  app.say("The link is in the clipboard.");
  const button = find("share");
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = "Share a link"), 2000);
}

function onFile(id: string, take: (file: File) => Promise<void>): void {
  const input = find<HTMLInputElement>(id);
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    input.value = ""; // The same file may be chosen again.
    if (file !== undefined) void take(file);
  });
}

function onSelect(id: string, take: (value: string) => void): void {
  const select = find<HTMLSelectElement>(id);
  select.addEventListener("change", () => take(select.value));
}
