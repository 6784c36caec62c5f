"""predict_events: the gestures in long videos, as tsm-live finds them."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tsm_cli.predict.preset_session import preset_session
from tsm_keras.models.presets import load_preset
from tsm_keras.video_prediction import video_paths
from tsm_live.decision.artifact_defaults import decision_configs
from tsm_live.decision.gestures import GestureEvent
from tsm_live.live.run_live import LiveConfig, run_live
from tsm_live.live.source_sessions import SourceSessions, open_sessions
from tsm_live.sources.source import SourceError
from tsm_live.sources.video_file import VideoFile


@dataclasses.dataclass(frozen=True)
class Gesture:
    """A gesture in a video.

    Attributes:
        label: The class.
        start: When it starts, in seconds.
        end: When it ends, in seconds.
        score: The highest averaged score of the class in between.
        head: The name of the head that says so; empty if there is only one.
    """

    label: str
    start: float
    end: float
    score: float
    head: str = ""


@dataclasses.dataclass(frozen=True)
class VideoEvents:
    """The gestures in one video.

    Attributes:
        path: The file.
        heads: The names of the heads that decide.
        gestures: The gestures, in the order of their starts.
        error: The reason why the video cannot be read, or an empty text.
    """

    path: str
    heads: tuple[str, ...]
    gestures: tuple[Gesture, ...]
    error: str = ""


def predict_events(
    model: str | os.PathLike,
    videos: str | os.PathLike | Sequence[str | os.PathLike],
    *,
    decision: Mapping[str, Any] | None = None,
    lookahead: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[VideoEvents]:
    """Finds the gestures in videos, frame by frame, as `tsm-live` does.

    Args:
        model: A streaming artifact, or the folder of a preset.
        videos: As in `tsm_keras.predict_videos`.
        decision: Fields of `DecisionConfig` that replace the defaults of the
            model.
        lookahead: Whether a preset that is not causal waits for the later
            frames that it needs. The export of an artifact decides about it.
        progress: Called with the number of videos done and of all videos.

    Returns:
        An iterator over the results, in the order of the videos.

    Raises:
        ValueError, OSError: If the model cannot stream or cannot be read, a
            field of `decision` does not fit it, or as in `video_paths`.
    """
    if pathlib.Path(model).is_dir():
        preset = load_preset(model)
        sessions = SourceSessions([preset_session(preset, lookahead=lookahead)])
    else:
        sessions = open_sessions(model, 1)
    if sessions.spec.detection:
        raise ValueError(
            "Gestures are found by networks that classify; tsm-live runs "
            f"detectors. Received: {model}, which is a detector"
        )
    config = LiveConfig(decision_configs(sessions.spec, decision))
    config.stages(sessions.spec)  # Raises errors before a video is opened.
    return _results(sessions, config, video_paths(videos), progress)


def _results(sessions, config, paths, progress):
    for done, path in enumerate(paths, 1):
        yield _of_video(sessions, config, path)
        if progress:
            progress(done, len(paths))


def _of_video(sessions, config, path):
    heads = tuple(head.name for head in sessions.spec.heads)
    events: list[GestureEvent] = []
    try:
        video = VideoFile(path)
    except SourceError as error:
        return VideoEvents(path, heads, (), _reason(error, path))
    sessions.reset(0)
    _, errors = run_live(
        [video],
        sessions,
        [[]],
        config,
        on_event=lambda source, event: events.append(event),
    )
    if errors:
        return VideoEvents(path, heads, (), _reason(errors[0], path))
    return VideoEvents(path, heads, tuple(_gestures(events)))


def _reason(error, path):
    return str(error).removeprefix(f"{path} ")


def _gestures(events):
    """Returns gestures from the starts and ends of a video."""
    started: dict[str, GestureEvent] = {}
    found = []
    for event in events:  # A head ends a gesture before it starts another.
        if event.kind == "start":
            started[event.head] = event
            continue
        start = started.pop(event.head)
        times = start.time, event.time
        found.append(Gesture(event.label, *times, event.score, event.head))
    return sorted(found, key=lambda gesture: gesture.start)
