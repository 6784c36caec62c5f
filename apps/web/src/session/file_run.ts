/** FileRun: runs a video file from its first frame to its last. */

import type { VideoFile } from "../sources/video_file.ts";
import { Run } from "./run.ts";

const LONGEST_WAIT = 1; // Seconds for which the picture may stand still.

export class FileRun extends Run {
  /** Whether the file is played at its own frame rate. */
  isRealTime = true;

  /** Takes all frames; none is dropped, however slow the network is.
   *
   * @throws Error if the file is damaged or the network fails.
   */
  async run(file: VideoFile): Promise<void> {
    let [shownAt, last] = [performance.now() / 1000, 0];
    for await (const timed of file.frames()) {
      await this.whilePaused();
      if (this.isRealTime && !this.isStopped) {
        const pause = Math.min(Math.max(0, timed.time - last), LONGEST_WAIT);
        const due = shownAt + pause;
        await sleep(due - performance.now() / 1000);
        const now = performance.now() / 1000;
        // A file that is very late does not catch up afterwards.
        shownAt = now < due + LONGEST_WAIT ? due : now;
      }
      last = timed.time;
      if (this.isStopped) {
        timed.frame.close();
        break;
      }
      await this.take(timed);
    }
    await this.finish();
    this.tell(this.stream.end());
    this.watcher.onChange(this);
  }
}

function sleep(seconds: number): Promise<void> | undefined {
  if (seconds <= 0) return undefined;
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
