/** App: one model, one source, and what the page shows of them. */

import { CameraRun } from "../session/camera_run.ts";
import { FileRun } from "../session/file_run.ts";
import type { Run, Watcher } from "../session/run.ts";
import { Stream, type SourceEvent } from "../session/stream.ts";
import { Camera } from "../sources/camera.ts";
import type { TimedFrame } from "../sources/source.ts";
import { VideoFile } from "../sources/video_file.ts";
import { find } from "./elements.ts";
import { EventsView, titleOf as titleOfEvent } from "./events_view.ts";
import { Figures } from "./figures_view.ts";
import {
  openModel,
  readFile,
  readUrl,
  titleOf,
  type OpenModel,
} from "./model_files.ts";
import { ResultsView } from "./results_view.ts";
import { Stage } from "./stage.ts";
import { describeModel, describeRun } from "./texts.ts";

const SHORTEST = 66; // Milliseconds between two changes of texts and bars.

export class App implements Watcher {
  model: OpenModel | null = null;
  private run: Run | null = null;
  private finished: Promise<void> = Promise.resolve();
  private readonly stage = new Stage();
  private readonly events = new EventsView((message) => this.say(message));
  private figures = new Figures(find("figures"));
  private results: ResultsView | null = null;
  private sourceName = "";
  private isDue = false; // Whether a change of the run will be shown soon.
  private shownAt = 0;

  /** Opens a model of this device. */
  openFile(file: File): Promise<void> {
    return this.open(file.name, null, () => readFile(file));
  }

  /** Opens a model at an address. */
  openLink(address: string): Promise<void> {
    let name: string;
    try {
      name = titleOf(address);
    } catch {
      this.warn("The link is not an address of a model.");
      return Promise.resolve();
    }
    const onProgress = (share: number) =>
      this.showLoading(`Loading ${name}: ${Math.round(100 * share)} %`);
    return this.open(name, address, () => readUrl(address, onProgress));
  }

  /** Runs the model on a video file. */
  async watchFile(file: File): Promise<void> {
    if (this.model === null) {
      this.warn("Open a model first, then a video.");
      return;
    }
    await this.stop();
    await this.guard(async () => {
      const video = await VideoFile.open(file);
      const run = new FileRun(this.model!.worker, this.newStream(), this);
      run.isRealTime = find<HTMLSelectElement>("speed").value === "real";
      this.begin(run, "file", video.name, video.duration);
      this.watch(run, run.run(video), () => video.close());
    });
  }

  /** Runs the model on a camera. */
  async watchCamera(device: string): Promise<void> {
    if (this.model === null) return;
    await this.stop();
    await this.guard(async () => {
      const camera = await Camera.open(this.stage.video, device);
      const run = new CameraRun(this.model!.worker, this.newStream(), this);
      this.stage.mirror(camera.isMirrored);
      this.begin(run, "camera", camera.name, null);
      await this.listCameras(device);
      this.watch(run, run.run(camera), () => camera.close());
    });
  }

  /** Stops the source and shows the choice of sources again. */
  async stop(): Promise<void> {
    this.run?.stop();
    await this.finished;
    this.run = null;
    this.stage.show("nothing");
    this.stage.showBadge("");
    this.setRunning(false);
  }

  pause(): void {
    if (this.run === null) return;
    this.run.pause(!this.run.isPaused);
    find("pause").textContent = this.run.isPaused ? "Go on" : "Pause";
    this.stage.showBadge(this.run.isPaused ? "paused" : "");
  }

  reset(): void {
    this.run?.reset().catch((error) => this.warn(error.message));
  }

  setRealTime(isRealTime: boolean): void {
    if (this.run instanceof FileRun) this.run.isRealTime = isRealTime;
  }

  onPicture(frame: TimedFrame): void {
    this.stage.keep(frame);
  }

  onChange(run: Run): void {
    if (run === this.run) this.stage.draw(run.stream.objects?.seen ?? null);
    if (this.isDue) return;
    this.isDue = true;
    const pause = SHORTEST - (performance.now() - this.shownAt);
    setTimeout(() => this.showRun(run), Math.max(0, pause));
  }

  /** Shows where a run is, unless another one has begun. */
  private showRun(run: Run): void {
    this.isDue = false;
    this.shownAt = performance.now();
    if (run !== this.run || this.model === null) return;
    this.results?.show(run.stream);
    this.stage.showGestures(run.stream.gestures?.current ?? []);
    this.figures.show(describeRun(this.model.opened, run));
  }

  onEvents(events: readonly SourceEvent[]): void {
    this.events.add(this.sourceName, events);
    this.results?.add(events);
    // Screen readers hear of gestures when they start.
    const spoken = events.filter(({ kind }) => kind !== "end");
    if (spoken.length === 0) return;
    this.say(
      spoken
        .map((event) =>
          event.kind === "start"
            ? titleOfEvent(event)
            : `${titleOfEvent(event)} ${event.kind}s`,
        )
        .join(", "),
    );
  }

  /** Shows a message about something that went wrong. */
  warn(message: string): void {
    find("notice-text").textContent = message;
    find("notice").hidden = false;
  }

  /** Lets a screen reader say something. */
  say(message: string): void {
    find("spoken").textContent = message;
  }

  private async open(
    name: string,
    url: string | null,
    read: () => Promise<Uint8Array>,
  ): Promise<void> {
    find("notice").hidden = true;
    await this.stop();
    this.model?.worker.close();
    this.model = null;
    this.setState("empty");
    await this.guard(async () => {
      this.showLoading(`Loading ${name} …`);
      const content = await read();
      this.showLoading(`Preparing ${name} …`);
      const model = await openModel(name, url, content);
      this.model = model;
      this.figures = new Figures(find("figures"));
      this.events.clear();
      find("model-name").textContent = name;
      new Figures(find("model-facts")).show(describeModel(model));
      this.prepareViews(null);
      this.setState("ready");
      this.say(`${name} is ready.`);
    });
    this.showLoading("");
  }

  private begin(
    run: Run,
    kind: "file" | "camera",
    name: string,
    length: number | null,
  ): void {
    find("notice").hidden = true;
    this.run = run;
    this.sourceName = name;
    this.events.clear();
    this.prepareViews(length);
    find("source-name").textContent = kind === "file" ? name : "";
    find("speed-label").hidden = kind !== "file";
    find("device-label").hidden = kind !== "camera";
    this.stage.show(kind);
    this.setRunning(true);
    this.showRun(run);
  }

  private prepareViews(length: number | null): void {
    const stream = new Stream(this.model!.artifact.spec);
    this.results = new ResultsView(stream, length);
    this.figures.show(describeRun(this.model!.opened, null));
  }

  /** Waits for the end of a run, which may be a failure. */
  private watch(run: Run, end: Promise<void>, close: () => void): void {
    this.finished = end
      .then(() => {
        if (this.run === run) this.stage.showBadge("the end");
      })
      .catch((error: Error) => this.fail(error))
      .finally(() => {
        close();
        this.showRun(run);
        if (this.run === run) this.setRunning(false, true);
      });
  }

  private fail(error: Error): void {
    this.warn(error.message);
    this.stage.showBadge("stopped");
    if (!this.model?.worker.isBroken) return;
    // A crashed worker is discarded; the model can be opened again.
    this.model = null;
    this.setState("empty");
  }

  private async guard(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.warn((error as Error).message);
    }
  }

  private newStream(): Stream {
    void this.model!.worker.reset();
    return new Stream(this.model!.artifact.spec);
  }

  private async listCameras(current: string): Promise<void> {
    const options = (await Camera.list()).map((device, index) => {
      const name = device.label || `Camera ${index + 1}`;
      return new Option(
        name,
        device.deviceId,
        false,
        device.deviceId === current,
      );
    });
    find<HTMLSelectElement>("device").replaceChildren(...options);
  }

  private setState(state: "empty" | "ready"): void {
    document.body.dataset.state = state;
    find("start").hidden = state !== "empty";
    find("workbench").hidden = state !== "ready";
  }

  private setRunning(isRunning: boolean, canStop = isRunning): void {
    document.body.dataset.run = isRunning ? "on" : canStop ? "ended" : "off";
    find<HTMLButtonElement>("pause").disabled = !isRunning;
    find<HTMLButtonElement>("reset").disabled = !isRunning;
    const stop = find<HTMLButtonElement>("stop");
    stop.disabled = !canStop;
    stop.textContent = canStop && !isRunning ? "Close" : "Stop";
    find("pause").textContent = "Pause";
    if (!canStop) {
      find("source-name").textContent = "";
      find("speed-label").hidden = find("device-label").hidden = true;
    }
  }

  private showLoading(text: string): void {
    find("loading").textContent = text;
    find("loading").hidden = text === "";
    find("start").classList.toggle("busy", text !== "");
    find("start-actions").hidden = text !== "";
  }
}
