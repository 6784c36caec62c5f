"""Axis: one of the six axes along which X3D expands a network.

Feichtenhofer, "X3D", CVPR 2020, section 3.2. The values of an axis lie on a
grid, so that the networks have round numbers as in the paper.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config import VideoClassifierConfig

# Intervals between frames are whole frames of a video with this rate, as in
# the paper, whose networks have frames 5, 6 or 12 frames of Kinetics apart.
VIDEO_RATE = 30
# A clip of twice as many frames is this much denser if its duration grows.
_DENSER = 1.25
_ROUNDING = 1e-6


@dataclasses.dataclass(frozen=True)
class Axis:
    """An axis of the expansion.

    Attributes:
        name: The name of the axis on the command line.
        symbol: The paper's name of the axis, in matplotlib's mathematics.
        grid: The distance between two values on the axis.
        power: The cost grows with about this power of the value.
        value: Returns the value of a network on this axis.
        at: Called with a network and another value, returns the network with
            that value.
    """

    name: str
    symbol: str
    grid: float
    power: int
    value: Callable[[VideoClassifierConfig], float]
    at: Callable[[VideoClassifierConfig, float], VideoClassifierConfig]


def _frames(config):
    return config.clip.num_segments


def _at_frame_rate(config, frames):
    """Takes more frames from the same duration (X-Fast)."""
    frames = round(frames)
    interval = config.clip.frame_interval * _frames(config) / frames
    return config.changed(
        num_segments=frames, frame_interval=_whole_frames(interval)
    )


def _at_duration(config, frames):
    """Takes more frames from a longer duration, and denser (X-Temporal)."""
    frames = round(frames)
    share = (_frames(config) / frames) ** math.log2(_DENSER)
    return config.changed(
        num_segments=frames,
        frame_interval=_whole_frames(config.clip.frame_interval * share),
    )


def _whole_frames(seconds):
    """Rounds an interval up, so that no clip becomes shorter than asked."""
    frames = math.ceil(seconds * VIDEO_RATE - _ROUNDING)
    return max(1, frames) / VIDEO_RATE


def _factor(field):
    """Returns the functions `value` and `at` of a field of the backbone."""
    return (
        lambda config: getattr(config.backbone, field),
        lambda config, value: config.changed(**{field: round(value, 4)}),
    )


AXES = {
    axis.name: axis
    for axis in (
        Axis("frame_rate", r"$\gamma_\tau$", 1, 1, _frames, _at_frame_rate),
        Axis("duration", r"$\gamma_t$", 1, 1, _frames, _at_duration),
        Axis(
            "resolution",
            r"$\gamma_s$",
            8,
            2,
            lambda config: config.input.image_size,
            lambda config, size: config.with_image_size(round(size)),
        ),
        Axis("width", r"$\gamma_w$", 0.05, 2, *_factor("width")),
        Axis("depth", r"$\gamma_d$", 0.1, 1, *_factor("depth")),
        Axis("bottleneck", r"$\gamma_b$", 0.25, 1, *_factor("bottleneck")),
    )
}


def with_clip_duration(
    config: VideoClassifierConfig, seconds: float
) -> VideoClassifierConfig:
    """Returns a network whose clips have a duration, if that was unknown.

    Args:
        config: A network. If its frame interval is 0, the duration is unknown.
        seconds: The duration of its clips.
    """
    if config.clip.frame_interval:
        return config
    interval = _whole_frames(seconds / _frames(config))
    return config.changed(frame_interval=interval)


def axes_of(
    config: VideoClassifierConfig,
    names: Sequence[str] = tuple(AXES),
    *,
    streams: bool = False,
) -> tuple[list[Axis], dict[str, str]]:
    """Returns the axes that a network can be expanded along.

    Args:
        config: The network.
        names: The names of the axes to consider.
        streams: Whether the cost is that of a stream, which has no duration.

    Returns:
        The axes, and for each name that is left out the reason.

    Raises:
        ValueError: If a name is unknown, or no axis is left.
    """
    if unknown := sorted({*names} - {*AXES}):
        raise ValueError(
            f"`axes` must be some of {list(AXES)}. Received: {unknown}"
        )
    record = BACKBONES[config.backbone.name]
    reasons = {}
    if not record.any_width:
        reasons["width"] = f"the channels of {record.name} are fixed"
    if "depth" not in record.options:
        reasons["depth"] = f"the blocks of {record.name} are fixed"
    if "bottleneck" not in record.options:
        reasons["bottleneck"] = (
            f"the channels inside the blocks of {record.name} are fixed"
        )
    if config.clip.frame_interval <= 1 / VIDEO_RATE + _ROUNDING:
        reasons["frame_rate"] = f"its frames are 1/{VIDEO_RATE} s apart already"
    if streams:
        reasons["duration"] = "a step of a stream costs the same for any clip"
    left_out = {name: reasons[name] for name in names if name in reasons}
    axes = [AXES[name] for name in names if name not in reasons]
    if not axes:
        raise ValueError(
            "`axes` must have an axis that the network can be expanded along: "
            f"{left_out}. Received: axes={list(names)}"
        )
    return axes, left_out
