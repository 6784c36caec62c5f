/** VideoFile: decodes every frame of a file, with exact times. */

import {
  BlobSource,
  Input,
  MATROSKA,
  MP4,
  MPEG_TS,
  QTFF,
  VideoSampleSink,
  WEBM,
  type InputVideoTrack,
} from "mediabunny";
import { SourceError, type TimedFrame } from "./source.ts";

const FORMATS = [MP4, QTFF, WEBM, MATROSKA, MPEG_TS];

export class VideoFile {
  private constructor(
    readonly name: string,
    /** The length in seconds; an estimate. */
    readonly duration: number,
    private readonly input: Input,
    private readonly track: InputVideoTrack,
    private readonly ticks: number, // Per second.
  ) {}

  /** Opens a file.
   *
   * @throws SourceError if it has no video that this browser can decode.
   */
  static async open(file: File): Promise<VideoFile> {
    const { name } = file;
    const input = new Input({ source: new BlobSource(file), formats: FORMATS });
    try {
      const track = await input.getPrimaryVideoTrack();
      if (track === null) {
        throw new SourceError(
          `${name} cannot be read as a video: it is damaged, or it holds only ` +
            "sound.",
        );
      }
      if (!(await track.canDecode())) {
        const codec = (await track.getCodec()) ?? "unknown";
        throw new SourceError(
          `This browser cannot decode ${name}, whose codec is ${codec}.`,
        );
      }
      await nameColours(track);
      const duration = await track.computeDuration();
      const ticks = await track.getTimeResolution();
      return new VideoFile(name, duration, input, track, ticks);
    } catch (error) {
      input.dispose();
      throw readable(name, error);
    }
  }

  /** Yields all frames in order. The caller closes each of them.
   *
   * @throws SourceError if the file is damaged.
   */
  async *frames(): AsyncGenerator<TimedFrame> {
    const sink = new VideoSampleSink(this.track);
    let first: number | null = null;
    try {
      for await (const sample of sink.samples()) {
        // Whole ticks are exact, and differences of seconds are not.
        const tick = Math.round(sample.timestamp * this.ticks);
        first ??= tick;
        const { numerator, denominator } = fraction(sample.pixelAspectRatio);
        const frame = sample.toVideoFrame();
        const { rotation, flip } = sample;
        sample.close();
        yield {
          frame,
          time: (tick - first) / this.ticks,
          orientation: { rotation, flip, pixelAspect: numerator / denominator },
        };
      }
    } catch (error) {
      throw readable(this.name, error);
    }
    if (first === null) {
      throw new SourceError(`${this.name} has no readable frame.`);
    }
  }

  /** Closes the file. */
  close(): void {
    this.input.dispose();
  }
}

/** Lets a track whose file does not name its colours count as BT.601 in limited
 * range, as `docs/artifact.md` says. mediabunny would call it BT.709.
 */
async function nameColours(track: InputVideoTrack): Promise<void> {
  const config = await track.getDecoderConfig();
  if (config === null) return;
  const named: VideoColorSpaceInit = config.colorSpace ?? {};
  const colorSpace: VideoColorSpaceInit = {
    primaries: named.primaries ?? "smpte170m",
    transfer: named.transfer ?? "smpte170m",
    matrix: named.matrix ?? "smpte170m",
    fullRange: named.fullRange ?? false,
  };
  track.getDecoderConfig = () => Promise.resolve({ ...config, colorSpace });
}

function fraction(ratio: { num: number; den: number }) {
  return { numerator: ratio.num, denominator: ratio.den };
}

function readable(name: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  return new SourceError(
    `${name} cannot be read as a video. The page reads MP4, MOV, WebM, MKV ` +
      `and TS. (${error instanceof Error ? error.message : error})`,
  );
}
