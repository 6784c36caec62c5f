/** Stage: the picture of a source, with the gesture over it. */

import type { TimedFrame } from "../sources/source.ts";
import { find, readable } from "./elements.ts";

const SHORTEST = 15; // Milliseconds between two pictures, about one refresh.

export class Stage {
  readonly video = find<HTMLVideoElement>("camera-picture");
  private readonly canvas = find<HTMLCanvasElement>("picture");
  private readonly context = this.canvas.getContext("2d")!;
  private drawnAt = 0;

  /** Shows the picture of a file or a camera, or the choice of both. */
  show(source: "file" | "camera" | "nothing"): void {
    find("stage-empty").hidden = source !== "nothing";
    this.canvas.hidden = source === "camera";
    this.video.hidden = source !== "camera";
    if (source === "nothing") this.showGestures([]);
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.drawnAt = 0;
  }

  /** Draws a frame of a file upright, unless one was drawn just before. */
  draw({ frame, orientation }: TimedFrame): void {
    const now = performance.now();
    if (now - this.drawnAt < SHORTEST) return;
    this.drawnAt = now;
    const { rotation, flip } = orientation;
    const { displayWidth, displayHeight } = frame;
    const isTurned = rotation % 180 !== 0;
    const width = isTurned ? displayHeight : displayWidth;
    const height = isTurned ? displayWidth : displayHeight;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const { context } = this;
    context.save();
    context.translate(width / 2, height / 2);
    if (flip) context.scale(-1, 1);
    context.rotate((rotation * Math.PI) / 180);
    context.drawImage(
      frame,
      -displayWidth / 2,
      -displayHeight / 2,
      displayWidth,
      displayHeight,
    );
    context.restore();
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
}
