"""Makes what the page's tests compare with Python: videos, events, networks.

Run it with `python apps/web/tests/cases/make_cases.py FOLDER`. If `--full_size`
follows, all networks have the sizes that they have in use; that takes minutes.

It writes
- `gestures.mp4` (H.264), `.webm` (VP8) and `.y4m`, a rendered hand that swipes;
- `objects.mp4`, `.webm` (VP9) and `.y4m`, coloured spots that move;
- `events.json`: by the name of a video, the events of `tsm-live` on it, and the
  numbers of its frames and of those that the network takes;
- `networks.json`, and an artifact, frames and results of each of some networks.
"""

import json
import pathlib
import sys
from fractions import Fraction

import av
import cv2
import numpy as np
from networks import write_networks

from tsm_keras.data.gestures.generate import GestureClip, render
from tsm_live.artifact.file import read_spec
from tsm_live.cli.live_command import main as tsm_live
from tsm_live.decision.pacing import FramePacer, Step
from tsm_live.sources.video_file import VideoFile

_FOLDER = pathlib.Path(__file__).parent
_RATE = 30
# Motions, and whether they are played backwards.
_SCRIPT = (
    ("no_gesture", False),
    ("swipe_right", False),
    ("no_gesture", False),
    ("swipe_right", True),
    ("no_gesture", True),
    ("swipe_down", False),
    ("no_gesture", True),
)
_FAST = {"crf": "10", "b": "4M", "deadline": "realtime", "cpu-used": "8"}
# Codecs and options, by file. The browser's fake camera plays .y4m.
_FILES = {
    "gestures.mp4": ("libx264", {"crf": "18"}),
    "gestures.webm": ("libvpx", _FAST),
    "gestures.y4m": ("wrapped_avframe", {}),
    "objects.mp4": ("libx264", {"crf": "18"}),
    "objects.webm": ("libvpx-vp9", _FAST),
    "objects.y4m": ("wrapped_avframe", {}),
}
# The artifact that sees what is in a video.
_MODELS = {"gestures": "motion.tflite", "objects": "spots.tflite"}


def main(folder: pathlib.Path, in_full_size: bool) -> None:
    """Writes all cases into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    frames = np.concatenate(
        [render(GestureClip(*part, 40, 240, 320, _RATE, 5)) for part in _SCRIPT]
    )
    videos = {"gestures": frames, "objects": _spots()}
    events = {}
    for name, codec in _FILES.items():
        path = folder / name
        _write_video(path, *codec, videos[path.stem])
        if path.suffix != ".y4m":
            events[name] = _events(path, folder / f"{name}.jsonl")
    (folder / "events.json").write_text(json.dumps(events), encoding="utf-8")
    write_networks(folder, in_full_size)


def _spots():
    """Returns a video in which spots appear, move and disappear."""
    frames = np.full((4 * _RATE, 240, 320, 3), 60, np.uint8)
    for number, frame in enumerate(frames):
        share = number / len(frames)
        spots = [((60 + round(200 * share), 30), (220, 20, 20))]
        if 0.15 < share < 0.6:
            spots.append(((260 - round(250 * share), 210), (20, 200, 20)))
        if 0.4 < share < 0.8:
            spots.append(((160, 120), (20, 20, 220)))
        for place, colour in spots:
            cv2.circle(frame, place, 18, colour, cv2.FILLED, cv2.LINE_AA)
    return frames


def _write_video(path, codec, options, frames):
    with av.open(str(path), "w", format=_format(path)) as container:
        stream = container.add_stream(
            codec, rate=Fraction(_RATE), options=options
        )
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for picture in frames:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode())


def _format(path):
    return {".y4m": "yuv4mpegpipe"}.get(path.suffix, path.suffix[1:])


def _events(video, log):
    """Returns what `tsm-live` sees in a video."""
    log.unlink(missing_ok=True)
    model = _FOLDER / _MODELS[video.stem]
    arguments = [f"--model={model}", f"--source={video}", f"--events={log}"]
    assert tsm_live([*arguments, "--quiet"]) == 0
    events = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    pacer = FramePacer(read_spec(model).frame_interval)
    source = VideoFile(video)
    times = [frame.time for frame in iter(source.read, None)]
    taken = sum(pacer.step(time) is not Step.SKIP for time in times)
    return {"events": events, "frames": len(times), "taken": taken}


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:] == ["--full_size"])
