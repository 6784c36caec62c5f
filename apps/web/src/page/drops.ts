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

/** Returns whether a file is a video. Every other file counts as a model: if it
 * is not one either, its refusal says what the page needs.
 */
export async function isVideo(file: File): Promise<boolean> {
  if (/\.(tflite|onnx)$/i.test(file.name)) return false;
  const head = new Uint8Array(await file.slice(4, 8).arrayBuffer());
  if (String.fromCharCode(...head) === "TFL3") return false;
  return (
    file.type.startsWith("video/") ||
    /\.(mp4|m4v|mov|webm|mkv|ts|avi)$/i.test(file.name)
  );
}
