/** What a video file and a camera have in common. */

import type { Orientation } from "../frames/picture.ts";

/** A video that cannot be read, or a camera that cannot be used. */
export class SourceError extends Error {
  override name = "SourceError";
}

export interface TimedFrame {
  readonly frame: VideoFrame;
  /** Seconds since the first frame of the source. */
  readonly time: number;
  readonly orientation: Orientation;
}
