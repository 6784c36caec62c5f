"""Flags of several commands that read videos, as rows of `define_groups`."""

from typing import Any

from absl import flags

MAX_BAD_FRACTION: tuple[Any, ...] = (
    "max_bad_fraction",
    flags.DEFINE_float,
    0.0,
    "Share of the videos of a folder that may be unreadable; they are left "
    "out.",
)
FLIP_PAIRS: tuple[Any, ...] = (
    "flip_pairs",
    flags.DEFINE_string,
    None,
    "For a folder of videos: the pairs of classes that change into each other "
    "when a clip is mirrored, such as left:right,a:b; auto finds them by name. "
    "(default: mirroring is refused)",
)
