/** Stage: the picture of a source, with the gesture over it. */

import type { TimedFrame } from "../sources/source.ts";
import { find, readable } from "./elements.ts";
import type { PainterRequest, Size } from "./painter.ts";

const SHORTEST = 15; // Milliseconds between two pictures, about one refresh.

export class Stage {
  readonly video = find<HTMLVideoElement>("camera-picture");
  private readonly canvas = find<HTMLCanvasElement>("picture");
  private readonly painter = new Worker(
    new URL("./painter.ts", import.meta.url),
    { type: "classic", name: "painter" },
  );
  private shown: Size = { width: 0, height: 0 };
  private isDrawing = false;
  private drawnAt = 0;

  constructor() {
    const canvas = this.canvas.transferControlToOffscreen();
    this.ask({ kind: "canvas", canvas }, [canvas]);
    this.painter.onmessage = () => (this.isDrawing = false);
    new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      this.shown = {
        width: width * devicePixelRatio,
        height: height * devicePixelRatio,
      };
    }).observe(find("stage"));
  }

  /** Shows the picture of a file or a camera, or the choice of both. */
  show(source: "file" | "camera" | "nothing"): void {
    find("stage-empty").hidden = source !== "nothing";
    this.canvas.hidden = source === "camera";
    this.video.hidden = source !== "camera";
    if (source === "nothing") this.showGestures([]);
    this.ask({ kind: "clear" });
    this.drawnAt = 0;
  }

  /** Draws a frame of a file. It is skipped while another one is drawn, and
   *  if the last one was drawn a moment ago. */
  draw({ frame, orientation }: TimedFrame): void {
    const now = performance.now();
    if (this.isDrawing || now - this.drawnAt < SHORTEST) return;
    this.isDrawing = true;
    this.drawnAt = now;
    const copy = frame.clone();
    const { shown } = this;
    this.ask({ kind: "frame", frame: copy, orientation, shown }, [copy]);
  }

  /** Shows a camera's picture mirrored, as people know themselves. */
  mirror(isMirrored: boolean): void {
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
  private ask(request: PainterRequest, transfer: Transferable[] = []): void {
    this.painter.postMessage(request, transfer);
  }
}
