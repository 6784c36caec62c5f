"""run_trial: runs an artifact over clips in the sessions of `tsm_live`.

The network runs in a child process, so that a driver that crashes does no harm
and the growth of memory is that of the network.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tsm_export.heads import values_of
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.runtimes.isolated_network import IsolatedNetwork
from tsm_live.runtimes.network import AcceleratorError
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.clip_session import ClipSession

# After so many frames all buffers are allocated, and growth means a leak.
_WARM_UP = 100


@dataclasses.dataclass(frozen=True)
class Trial:
    """The result of a trial.

    Attributes:
        logits: float32 `[B, T, num_classes]` for streams, `[B, num_classes]`
            for clips, by the name of the head. For a detector its outputs,
            `[B, T, h, w, channels]`, by their role.
        recovered: Whether the network remembered only its last frames after
            the soak, so that a new stream of these frames gives exactly the
            same logits. None without a soak, or if the network remembers all
            frames.
        growth: The bytes by which the process grew during the soak.
    """

    logits: dict[str, np.ndarray]
    recovered: bool | None = None
    growth: int = 0


def run_trial(
    spec: ArtifactSpec,
    model: bytes,
    clips: np.ndarray,
    *,
    accelerator: str = "cpu",
    enforce_float32: bool = False,
    soak_frames: int = 0,
    environment: Mapping[str, str] | None = None,
) -> Trial:
    """Runs an artifact over clips.

    Args:
        spec: The spec of an artifact.
        model: The bytes of its model.
        clips: `[B, T, S, S, 3]` uint8 RGB of the size that the artifact takes.
            An artifact for N streams gets N clips at a time, and each stream
            gets every clip.
        accelerator: `"cpu"` or `"gpu"`.
        enforce_float32: Compute in float32 on the GPU.
        soak_frames: The number of frames to stream without a break after the
            clips.
        environment: Environment variables to set for the process.

    Raises:
        ArtifactError: If the runtime refuses the model, or its tensors differ
            from the spec.
        AcceleratorError: If the accelerator cannot run the whole network, if
            streams differ, or if the soak gives a number that is not finite.
        SessionError: If the process died.
    """
    network = IsolatedNetwork(
        spec,
        model,
        accelerator=accelerator,
        enforce_float32=enforce_float32,
        environment=environment,
    )
    try:
        if spec.kind == "clip":
            session = ClipSession(spec, lambda: network)
            found = [_logits(clip_predictions(session, x)) for x in clips]
            stack = np.stack if spec.detection else np.concatenate
            return Trial(_stacked(found, stack))
        streams = Session(spec, lambda: network)
        logits = _stream(streams, clips)
        if not soak_frames:
            return Trial(logits)
        return Trial(logits, *soak(streams, clips, soak_frames, network.memory))
    finally:
        network.close()


def soak(
    session: Session,
    clips: np.ndarray,
    num_frames: int,
    memory: Callable[[], int],
) -> tuple[bool | None, int]:
    """Streams frames without a break; returns `recovered` and `growth`.

    What a cache holds of a frame depends on the caches before it. So the
    network remembers at most as many frames as all caches together. `recovered`
    is None if a cache remembers all frames.
    """
    frames = clips.reshape(-1, *clips.shape[2:])
    order = np.arange(num_frames) % len(frames)
    before = 0
    found: list[Any] = []
    session.reset()
    for number, place in enumerate(order):
        found = session.step_squares([frames[place]] * session.streams)
        for name, values in _answered(found).items():
            if not np.isfinite(values).all():
                raise AcceleratorError(
                    f"Step {number} of the soak gives {values.tolist()} for "
                    f"the output {name!r}."
                )
        if number <= _WARM_UP:
            before = memory()
    growth = memory() - before
    session.reset()
    remembered = [cache.frames or 0 for cache in session.spec.caches]
    if 0 in remembered:
        return None, growth
    for place in order[-(sum(remembered) + 1) :]:
        fresh = session.step_squares([frames[place]] * session.streams)
    again = _answered(fresh)
    same = all(
        np.array_equal(values, again[name])
        for name, values in _answered(found).items()
    )
    return same, growth


def clip_predictions(session: ClipSession, clip: np.ndarray) -> list[Any]:
    """Returns the prediction for a clip, or one per frame for a detector.

    Args:
        session: The session of an artifact for clips.
        clip: `[T, S, S, 3]` uint8 RGB.
    """
    if session.spec.detection:
        return list(session.detect_squares(list(clip)))
    return [session.classify_squares(list(clip))]


def stream_clips(session: Session, clips: np.ndarray) -> list[list[Any]]:
    """Streams one clip per stream, from a reset to the end.

    Args:
        session: The session of an artifact for N streams.
        clips: `[N, T, S, S, 3]` uint8 RGB.

    Returns:
        The N predictions for each of the T frames.
    """
    session.reset()
    steps = [session.step_squares(frames) for frames in clips.swapaxes(0, 1)]
    rest = zip(*session.finish_streams(), strict=True)
    # With lookahead, the first steps have no predictions.
    answered = [
        [answer for answer in answers if answer is not None]
        for answers in (*steps, *rest)
    ]
    return [answers for answers in answered if answers]


def _stream(session, clips) -> dict[str, np.ndarray]:
    """Returns `[B, T, ...]` per output; raises if streams differ."""
    streams = session.streams
    rounds = []
    for first in range(len(clips)):
        # N different clips, one per stream.
        batch = clips[np.arange(first, first + streams) % len(clips)]
        rounds.append(
            _stacked(list(map(_logits, stream_clips(session, batch))))
        )
    alone = {}
    for name, logits in _stacked(rounds).items():
        alone[name] = logits[:, :, 0]
        most = 1e-3 * np.abs(alone[name]).max()
        for stream in range(streams):
            found = np.roll(logits[:, :, stream], stream, axis=0)
            if np.abs(found - alone[name]).max() > most:
                raise AcceleratorError(
                    f"Stream {stream} differs from stream 0."
                )
    return alone


def _answered(predictions):
    """Returns the logits of a step, or nothing if none are due yet."""
    return {} if None in predictions else _logits(predictions)


def _logits(predictions):
    """Returns `[N, num_classes]` per head, or `[N, ...]` per output."""
    return _stacked(list(map(values_of, predictions)))


def _stacked(found, stack=np.stack):
    """Stacks the arrays with the same name."""
    return {name: stack([each[name] for each in found]) for name in found[0]}
