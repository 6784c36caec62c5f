/** Stage: the picture of a source, with gestures or objects over it. */

import { uprightSize } from "../frames/geometry.ts";
import { UPRIGHT } from "../frames/picture.ts";
import type { TrackedObject } from "../detection/objects.ts";
import type { TimedFrame } from "../sources/source.ts";
import { classColour, objectName, percent } from "./classes.ts";
import { find, readable } from "./elements.ts";
import type { Mark } from "../painting/marks.ts";
import type { PainterRequest, PictureRequest } from "../painting/painter.ts";

const SHORTEST = 15; // Milliseconds between two pictures, about one refresh.

/** The place of a picture on the screen. */
type Place = Pick<PictureRequest, "shown" | "pixelRatio">;
/** A picture that is not drawn so far. */
type Picture = Pick<PictureRequest, "frame" | "orientation" | "size">;

export class Stage {
  readonly video = find<HTMLVideoElement>("camera-picture");
  private readonly canvas = find<HTMLCanvasElement>("picture");
  private readonly painter = new Worker(
    new URL("../painting/painter.ts", import.meta.url),
    { type: "classic", name: "painter" },
  );
  private place: Place = { shown: { width: 0, height: 0 }, pixelRatio: 1 };
  private kept: Picture | null = null;
  private source: "file" | "camera" | "nothing" = "nothing";
  private isMirrored = false;
  private isDrawing = false;
  private keptAt = 0;

  constructor() {
    const canvas = this.canvas.transferControlToOffscreen();
    this.ask({ kind: "canvas", canvas }, [canvas]);
    this.painter.onmessage = () => (this.isDrawing = false);
    new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      const pixelRatio = devicePixelRatio;
      const shown = { width: width * pixelRatio, height: height * pixelRatio };
      this.place = { shown, pixelRatio };
    }).observe(find("stage"));
  }

  /** Shows the picture of a file or a camera, or the choice of both. */
  show(source: "file" | "camera" | "nothing"): void {
    this.source = source;
    find("stage-empty").hidden = source !== "nothing";
    this.video.hidden = source !== "camera";
    if (source === "nothing") this.showGestures([]);
    this.forget();
    this.ask({ kind: "clear" });
    this.keptAt = 0;
  }

  /** Keeps a frame, which `draw` will draw. It is skipped while another one is
   * drawn, and if the last one came a moment ago.
   */
  keep({ frame, orientation }: TimedFrame): void {
    const now = performance.now();
    if (this.isDrawing || now - this.keptAt < SHORTEST) return;
    this.forget();
    this.keptAt = now;
    const size = uprightSize(frame.visibleRect!, orientation);
    // An element shows the picture of a camera.
    this.kept =
      this.source === "camera"
        ? { frame: null, orientation: UPRIGHT, size }
        : { frame: frame.clone(), orientation, size };
  }

  /** Draws the frame that was kept.
   *
   * @param objects The objects to mark, or null if the network finds none.
   */
  draw(objects: readonly TrackedObject[] | null): void {
    const { kept, place } = this;
    if (kept === null || this.isDrawing) return;
    const isCamera = kept.frame === null;
    if (isCamera && objects === null) return;
    // The marks of a camera may change without a new frame.
    if (!isCamera) this.kept = null;
    this.isDrawing = true;
    const marks = objects && marksOf(objects);
    const isMirrored = isCamera && this.isMirrored;
    this.ask(
      { kind: "picture", ...kept, ...place, marks, isMirrored },
      isCamera ? [] : [kept.frame],
    );
  }

  /** Shows a camera's picture mirrored, as people know themselves. */
  mirror(isMirrored: boolean): void {
    this.isMirrored = isMirrored;
    this.video.classList.toggle("mirrored", isMirrored);
  }

  /** Shows the current gestures. */
  showGestures(labels: readonly string[]): void {
    const element = find("gesture");
    element.hidden = labels.length === 0;
    if (labels.length > 0) {
      element.textContent = labels.map(readable).join(" · ");
    }
  }

  /** Shows a word in the corner, or nothing. */
  showBadge(text: string): void {
    const badge = find("badge");
    badge.hidden = text === "";
    badge.textContent = text;
  }

  private forget(): void {
    this.kept?.frame?.close();
    this.kept = null;
  }

  private ask(request: PainterRequest, transfer: Transferable[] = []): void {
    this.painter.postMessage(request, transfer);
  }
}

/** Returns the marks of objects, the best last. */
function marksOf(objects: readonly TrackedObject[]): Mark[] {
  return objects
    .toSorted((a, b) => a.score - b.score)
    .map(({ box, trail, ...object }) => ({
      words: `${objectName(object)}  ${percent(object.score)}`,
      colour: classColour(object.labelIndex),
      box,
      trail,
    }));
}
