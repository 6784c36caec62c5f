/** Lets people drop files anywhere on the page. */

/** Calls a function with a file that was dropped. */
export function onDrop(take: (file: File) => void): void {
  let depth = 0; // Elements of the page send events of their own.
  const show = (change: number) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dragging", depth > 0);
  };
  addEventListener("dragenter", (event) => {
    event.preventDefault();
    show(1);
  });
  addEventListener("dragleave", () => show(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    show(0);
    const file = event.dataTransfer?.files[0];
    if (file !== undefined) take(file);
  });
}

/** Returns whether a file is a model rather than a video. */
export async function isModel(file: File): Promise<boolean> {
  if (/\.(tflite|onnx)$/i.test(file.name)) return true;
  const head = new Uint8Array(await file.slice(4, 8).arrayBuffer());
  return String.fromCharCode(...head) === "TFL3";
}
