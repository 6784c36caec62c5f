"""The flags that choose the views of a video, and the views they ask for."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from absl import flags

if TYPE_CHECKING:
    from tsm_keras.data.pipeline.views import ViewConfig

# Rows of `tsm_keras.command_flags.define_groups`.
VIEW_FLAGS: tuple[tuple[Any, ...], ...] = (
    (
        "views",
        flags.DEFINE_string,
        None,
        "Views per video as papers on Kinetics name them: 10 (10 dense "
        "clips, centre crop) or 30 (10 dense clips, 3 crops). They "
        "replace --sampling, --num_views and --crops.",
    ),
    (
        "sampling",
        flags.DEFINE_string,
        "segments",
        "Clips per video: segments (one, spread uniformly), twice "
        "(two of these), dense (--num_views windows) or interval "
        "(one, at the pace of a stream).",
    ),
    (
        "window",
        flags.DEFINE_integer,
        64,
        "Number of frames of the video that a dense clip spans.",
    ),
    ("num_views", flags.DEFINE_integer, 10, "Number of dense clips per video."),
    (
        "crops",
        flags.DEFINE_integer,
        1,
        "Square crops per clip: 1 (centre), 3 (along the long side), 5 "
        "(corners and centre) or 10 (these five and their mirror "
        "images).",
    ),
    (
        "full_resolution",
        flags.DEFINE_boolean,
        False,
        "Take crops as large as the short side of resized videos (256 "
        "for a network trained at 224).",
    ),
)
VIEW_NAMES = tuple(name for name, *_ in VIEW_FLAGS)
_REPLACED = ("sampling", "num_views", "crops")  # By --views.
_DENSE = ("window", "num_views")  # Read only by dense sampling.


def views_from_flags(flag_values: flags.FlagValues) -> "ViewConfig":
    """Returns the views that the flags ask for.

    Raises:
        flags.Error: If `--views` is not one of `NAMED_VIEWS`.
        ValueError: If another flag is out of range.
    """
    # TensorFlow is imported only after the command line is checked.
    from tsm_keras.data.pipeline.sampling import SamplingConfig
    from tsm_keras.data.pipeline.views import NAMED_VIEWS, ViewConfig

    if not flag_values.views:
        return ViewConfig(
            SamplingConfig(
                flag_values.sampling, flag_values.window, flag_values.num_views
            ),
            flag_values.crops,
            flag_values.full_resolution,
        )
    if flag_values.views not in NAMED_VIEWS:
        raise flags.Error(
            f"--views must be one of {', '.join(NAMED_VIEWS)}. "
            f"Received: --views={flag_values.views}"
        )
    named = NAMED_VIEWS[flag_values.views]
    return dataclasses.replace(
        named,
        sampling=dataclasses.replace(named.sampling, window=flag_values.window),
        full_resolution=flag_values.full_resolution,
    )


def refuse_unread_views(flag_values: flags.FlagValues) -> None:
    """Raises a flags.Error for flags that the chosen views do not read."""
    if flag_values.views:
        refuse_given(flag_values, _REPLACED, "with --views")
    elif flag_values.sampling != "dense":
        refuse_given(flag_values, _DENSE, "without --sampling=dense")


def refuse_given(
    flag_values: flags.FlagValues, names: Sequence[str], where: str
) -> None:
    """Refuses flags that have no effect.

    Args:
        flag_values: The parsed flags.
        names: The flags.
        where: Where they have no effect, such as "with --stream".

    Raises:
        flags.Error: If one of the flags is on the command line.
    """
    given = [f"--{name}" for name in names if flag_values[name].present]
    if given:
        verb = "has" if len(given) == 1 else "have"
        raise flags.Error(f"{', '.join(given)} {verb} no effect {where}")
