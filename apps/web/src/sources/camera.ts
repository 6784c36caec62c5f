/** Camera: gives the newest frame of a webcam, with its capture time. */

import { UPRIGHT } from "../frames/picture.ts";
import { SourceError, type TimedFrame } from "./source.ts";

const REASONS: Record<string, string> = {
  NotAllowedError:
    "The browser was not allowed to use the camera. Allow it in the settings " +
    "of this page, which open at the left of its address.",
  NotFoundError: "No camera was found.",
  NotReadableError: "The camera is used by another program.",
};

export class Camera {
  readonly name = "camera";
  /** Frames that a newer one replaced before they were taken. */
  dropped = 0;
  /** Called when a frame arrives. */
  onFrame: () => void = () => {};
  /** Called when the camera is unplugged or blocked. */
  onEnd: () => void = () => {};
  private newest: TimedFrame | null = null;
  private first: number | null = null;
  private hasCaptureTimes = false;
  private presented = 0;
  private handle = 0;

  private constructor(
    private readonly stream: MediaStream,
    private readonly video: HTMLVideoElement,
  ) {
    stream.getVideoTracks()[0]!.onended = () => this.onEnd();
  }

  /** Starts a camera and shows it in an element.
   *
   * @param device The id of the camera, or empty for the usual one.
   * @throws SourceError if it cannot be used.
   */
  static async open(video: HTMLVideoElement, device: string): Promise<Camera> {
    if (!navigator.mediaDevices) {
      throw new SourceError(
        "Browsers give a camera only to pages of https:// or of this machine.",
      );
    }
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: {
          width: { ideal: 640 },
          height: { ideal: 480 },
          frameRate: { ideal: 30 },
          ...(device === "" ? {} : { deviceId: { exact: device } }),
        },
      });
    } catch (error) {
      const { name, message } = error as Error;
      throw new SourceError(
        REASONS[name] ?? `The camera cannot be used: ${message}`,
      );
    }
    video.srcObject = stream;
    await video.play();
    const camera = new Camera(stream, video);
    camera.listen();
    return camera;
  }

  /** Returns the cameras of this machine; names are known after `open`. */
  static async list(): Promise<MediaDeviceInfo[]> {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    return devices.filter((device) => device.kind === "videoinput");
  }

  /** Whether people should see the picture mirrored, as in a mirror. */
  get isMirrored(): boolean {
    const [track] = this.stream.getVideoTracks();
    return track?.getSettings().facingMode !== "environment";
  }

  /** Returns the newest frame, which the caller closes, or null. */
  poll(): TimedFrame | null {
    const frame = this.newest;
    this.newest = null;
    return frame;
  }

  /** Stops the camera. */
  close(): void {
    this.video.cancelVideoFrameCallback(this.handle);
    for (const track of this.stream.getTracks()) track.stop();
    this.video.srcObject = null;
    this.newest?.frame.close();
    this.newest = null;
  }

  private listen(): void {
    this.handle = this.video.requestVideoFrameCallback((_, metadata) => {
      this.keep(metadata);
      this.listen();
    });
  }

  private keep(metadata: VideoFrameCallbackMetadata): void {
    const { captureTime, presentationTime, presentedFrames } = metadata;
    if (this.first === null) {
      this.hasCaptureTimes = captureTime !== undefined;
    } else {
      this.dropped += Math.max(0, presentedFrames - this.presented - 1);
    }
    this.presented = presentedFrames;
    const now = this.hasCaptureTimes
      ? (captureTime ?? presentationTime)
      : presentationTime;
    this.first ??= now;
    if (this.newest !== null) {
      this.dropped++;
      this.newest.frame.close();
    }
    this.newest = {
      frame: new VideoFrame(this.video, { timestamp: Math.round(now * 1000) }),
      time: (now - this.first) / 1000,
      orientation: UPRIGHT,
    };
    this.onFrame();
  }
}
