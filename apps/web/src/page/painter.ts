/** The worker that draws the frames of files, so that the page need not.
 *
 * Without a GPU a frame is converted on the processor, which takes longer than
 * everything else that the page does for a frame.
 */

import type { Orientation } from "../frames/picture.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export type PainterRequest =
  /** Draws on this canvas from now on. */
  | { readonly kind: "canvas"; readonly canvas: OffscreenCanvas }
  /** The page asks for a frame to be drawn upright; the painter closes it. */
  | {
      readonly kind: "frame";
      readonly frame: VideoFrame;
      readonly orientation: Orientation;
      /** The pixels of the screen in which the picture is shown. */
      readonly shown: Size;
    }
  /** Removes the picture. */
  | { readonly kind: "clear" };

let context: OffscreenCanvasRenderingContext2D | null = null;

self.onmessage = ({ data }: MessageEvent<PainterRequest>) => {
  if (data.kind === "canvas") {
    context = data.canvas.getContext("2d", { alpha: false });
  } else if (data.kind === "clear") {
    context?.clearRect(0, 0, context.canvas.width, context.canvas.height);
  } else {
    if (context !== null) draw(context, data);
    data.frame.close();
    self.postMessage("drawn");
  }
};

function draw(
  context: OffscreenCanvasRenderingContext2D,
  {
    frame,
    orientation,
    shown,
  }: Extract<PainterRequest, { readonly kind: "frame" }>,
): void {
  const { rotation, flip } = orientation;
  const { displayWidth, displayHeight } = frame;
  const isTurned = rotation % 180 !== 0;
  const [uprightWidth, uprightHeight] = isTurned
    ? [displayHeight, displayWidth]
    : [displayWidth, displayHeight];
  // More pixels than the screen shows would only cost time.
  const scale = Math.min(
    1,
    shown.width / uprightWidth,
    shown.height / uprightHeight,
  );
  const width = Math.round(uprightWidth * scale);
  const height = Math.round(uprightHeight * scale);
  const { canvas } = context;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.save();
  context.translate(width / 2, height / 2);
  if (flip) context.scale(-1, 1);
  context.rotate((rotation * Math.PI) / 180);
  context.scale(scale, scale);
  context.drawImage(
    frame,
    -displayWidth / 2,
    -displayHeight / 2,
    displayWidth,
    displayHeight,
  );
  context.restore();
}
