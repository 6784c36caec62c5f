/** The worker that draws the frames of files and marks objects in pictures, so
 * that the page need not.
 *
 * Without a GPU a frame is converted on the processor, which takes about as long
 * as everything else that the page does for a frame.
 */

import type { Orientation, Size } from "../frames/picture.ts";
import { FrameDrawer } from "./frame_drawer.ts";
import { drawMarks, type Mark } from "./marks.ts";

/** Draws a frame upright, and marks objects in it. The painter closes it. */
export interface PictureRequest {
  readonly kind: "picture";
  /** Null for a camera, whose picture an element behind the canvas shows. */
  readonly frame: VideoFrame | null;
  readonly orientation: Orientation;
  /** The size of the upright frame. */
  readonly size: Size;
  /** The objects, or null if the network finds none. */
  readonly marks: readonly Mark[] | null;
  /** Whether the camera's picture is mirrored. */
  readonly isMirrored: boolean;
  /** The pixels of the screen in which the picture is shown. */
  readonly shown: Size;
  /** The pixels of the screen per pixel of a style sheet. */
  readonly pixelRatio: number;
}

export type PainterRequest =
  /** Draws on this canvas from now on. */
  | { readonly kind: "canvas"; readonly canvas: OffscreenCanvas }
  | PictureRequest
  /** Removes the picture. */
  | { readonly kind: "clear" };

const SHARP = 720; // Marks need so many pixels along the short side.
let context: OffscreenCanvasRenderingContext2D | null = null;
let drawer = new FrameDrawer();
let queue: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<PainterRequest>) => {
  // Requests are answered one after the other.
  queue = queue.then(() => respond(data)).catch(reportError);
};

async function respond(request: PainterRequest): Promise<void> {
  if (request.kind === "canvas") {
    context = request.canvas.getContext("2d");
  } else if (request.kind === "clear") {
    context?.clearRect(0, 0, context.canvas.width, context.canvas.height);
    drawer = new FrameDrawer(); // The next source may have other frames.
  } else {
    try {
      if (context !== null) await draw(context, request);
    } finally {
      request.frame?.close();
      self.postMessage("drawn");
    }
  }
}

async function draw(
  context: OffscreenCanvasRenderingContext2D,
  request: PictureRequest,
): Promise<void> {
  const { frame, size, marks, shown, pixelRatio, isMirrored } = request;
  const fitting = Math.min(
    shown.width / size.width,
    shown.height / size.height,
  );
  // More pixels than the screen shows, or than a picture has, only cost time.
  const short = Math.min(size.width, size.height);
  const most = marks === null ? 1 : Math.max(1, SHARP / short);
  const scale = frame === null ? fitting : Math.min(fitting, most);
  const width = Math.round(size.width * scale);
  const height = Math.round(size.height * scale);
  const { canvas } = context;
  const resize = () => {
    if (canvas.width === width && canvas.height === height) return;
    canvas.width = width;
    canvas.height = height;
  };
  if (frame === null) {
    resize();
    context.clearRect(0, 0, width, height);
  } else {
    await drawer.draw(frame, (source) => {
      resize(); // It clears the canvas, so the picture must follow at once.
      drawUpright(context, source, request.orientation);
    });
  }
  if (marks !== null) {
    const unit = (pixelRatio * scale) / fitting;
    drawMarks(context, marks, { frame: size, isMirrored, unit });
  }
}

/** Draws the frame, or its copy, in the size of the canvas. */
function drawUpright(
  context: OffscreenCanvasRenderingContext2D,
  source: CanvasImageSource,
  { rotation, flip }: Orientation,
): void {
  const { width, height } = context.canvas;
  const isTurned = rotation % 180 !== 0;
  const [across, down] = isTurned ? [height, width] : [width, height];
  context.save();
  context.translate(width / 2, height / 2);
  if (flip) context.scale(-1, 1);
  context.rotate((rotation * Math.PI) / 180);
  context.drawImage(source, -across / 2, -down / 2, across, down);
  context.restore();
}
