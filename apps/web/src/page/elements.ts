/** Finds and makes elements of the page. */

/** Returns the element with an id. */
export function find<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`There is no element #${id}.`);
  return element as T;
}

/** Makes an element with a class and a text. */
export function make(tag: string, className = "", text = ""): HTMLElement {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.textContent = text;
  return element;
}

/** Returns a label as people read it. */
export function readable(label: string): string {
  return label.replaceAll("_", " ");
}

/** Lets a button call a function. */
export function onClick(id: string, listen: () => void): void {
  find(id).addEventListener("click", listen);
}
