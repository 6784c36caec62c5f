/** Asks for the address of a model. */

import { find } from "./elements.ts";

/** Shows the dialog; returns an address, or null if it was cancelled. */
export function askForLink(
  title: string,
  text: string,
  action: string,
): Promise<string | null> {
  const dialog = find<HTMLDialogElement>("link-dialog");
  const input = find<HTMLInputElement>("link");
  find("link-title").textContent = title;
  find("link-text").textContent = text;
  find("link-ok").textContent = action;
  input.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => resolve(dialog.returnValue === "ok" ? input.value : null),
      { once: true },
    );
  });
}

/** Returns the address of this page with a model preselected. */
export function shareLink(model: string): string {
  const page = new URL(location.href);
  page.search = "";
  page.hash = "";
  page.searchParams.set("model", model);
  return page.href;
}
