"""run_trial: what an artifact says of clips, in the sessions that ship.

The network runs in a process of its own, so that a driver that crashes does so
alone, and so that memory that grows is the network's.
"""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.runtimes.isolated_network import IsolatedNetwork
from tsm_live.runtimes.network import AcceleratorError
from tsm_live.sessions.base_session import Session
from tsm_live.sessions.clip_session import ClipSession

# Frames of a soak after which buffers are allocated, and growth is a leak.
_WARM_UP = 100


@dataclasses.dataclass(frozen=True)
class Trial:
    """What came of a trial.

    Attributes:
        logits: float32, for streams `[B, T, num_classes]`, for clips
            `[B, num_classes]`.
        recovered: Whether after the soak the network knew nothing but its
            last frames: a stream of only these gives the same logits, bit for
            bit. None without a soak.
        growth: Bytes by which the memory of the process grew in the soak.
    """

    logits: np.ndarray
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
            An artifact for N streams gets N of them side by side, and each
            clip on every stream.
        accelerator: `"cpu"` or `"gpu"`.
        enforce_float32: As for `IsolatedNetwork`.
        soak_frames: Frames to stream without a break after the clips.
        environment: Variables to set for the process.

    Raises:
        ArtifactError: If the runtime refuses the model, or its tensors are
            not those that the spec describes.
        AcceleratorError: If the accelerator does not take the whole network,
            or a stream or the soak goes wrong.
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
            found = [session.classify_squares(clip).logits for clip in clips]
            return Trial(np.stack(found))
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
) -> tuple[bool, int]:
    """Streams frames without a break; returns `recovered` and `growth`.

    A cache holds features of one frame, which depend on the caches before it:
    the network remembers one frame per cache.
    """
    frames = clips.reshape(-1, *clips.shape[2:])
    order = np.arange(num_frames) % len(frames)
    before, logits = 0, np.zeros(0)
    session.reset()
    for number, place in enumerate(order):
        logits = _step(session, [frames[place]] * session.streams)
        if not np.isfinite(logits).all():
            raise AcceleratorError(
                f"Frame {number} of the soak gives {logits.tolist()}."
            )
        if number <= _WARM_UP:
            before = memory()
    growth = memory() - before
    session.reset()
    for place in order[-(len(session.spec.caches) + 1) :]:
        fresh = _step(session, [frames[place]] * session.streams)
    return bool(np.array_equal(logits, fresh)), growth


def _stream(session, clips) -> np.ndarray:
    """Returns `[B, T, num_classes]`, which must not depend on the stream."""
    streams = session.streams
    rounds = []
    for first in range(len(clips)):
        session.reset()
        # N different clips, one per stream.
        batch = clips[np.arange(first, first + streams) % len(clips)]
        rounds.append([_step(session, x) for x in batch.swapaxes(0, 1)])
    logits = np.array(rounds)
    alone = logits[:, :, 0]
    for stream in range(streams):
        found = np.roll(logits[:, :, stream], stream, axis=0)
        if np.abs(found - alone).max() > 1e-3 * np.abs(alone).max():
            raise AcceleratorError(f"Stream {stream} differs from stream 0.")
    return alone


def _step(session, squares):
    return np.stack([p.logits for p in session.step_squares(squares)])
