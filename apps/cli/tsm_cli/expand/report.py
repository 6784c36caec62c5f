"""write_expansion_report: the report of `tsm expand`."""

import itertools
import pathlib
from collections.abc import Sequence

from tsm_keras.evaluation.plots import FAINT, INK, new_figure, to_png
from tsm_keras.evaluation.report import Section, write_report
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.training.expansion.axes import AXES, VIDEO_RATE
from tsm_keras.training.expansion.folder import Candidate
from tsm_keras.training.expansion.search import CONTRACTED, Step

_PATH = "#0072b2"
_NETWORK = ("Frames", "Interval", "Size", "Width", "Depth", "Bottleneck")
_HEADER = ("Network", "Value", "Cost", "Ratio", "Top-1", "Training", "Result")


def write_expansion_report(
    path: pathlib.Path,
    steps: Sequence[Step],
    *,
    unit: str,
    notes: Sequence[str] = (),
) -> pathlib.Path:
    """Writes the report as one HTML file, and returns its path.

    Args:
        path: The file to write.
        steps: The steps, from `expand`.
        unit: The unit of the cost.
        notes: Lines at the end, in small print.
    """
    first, last = steps[0].chosen, steps[-1].chosen
    return write_report(
        path,
        title="Stepwise expansion",
        summary=(
            f"The network grew from {first.cost:.4g} to {last.cost:.4g} {unit} "
            f"and from {first.top1:.1%} to {last.top1:.1%} top-1 on the "
            "validation clips, which also chose it, so this accuracy is too "
            "optimistic.\n\nEach step expands the network along each axis to "
            "about twice the cost and keeps the most accurate candidate."
        ),
        header=("", *_NETWORK, "Cost", "Top-1"),
        rows=[
            _network_row(name, found)
            for name, found in (("start", first), ("found", last))
        ],
        pictures=[
            (
                "Accuracy against cost. The line is the path of the chosen "
                "networks, each with the axis that it was expanded along; grey "
                "points are rejected candidates.",
                draw_expansion(steps, unit=unit),
            )
        ],
        sections=[
            _section(before.chosen, step)
            for before, step in itertools.pairwise(steps)
            if step.candidates
        ],
        notes=notes,
    )


def describe(config: VideoClassifierConfig) -> str:
    """Returns the values of a network on all axes, as one line."""
    cells = zip(_NETWORK, _values(config), strict=True)
    return ", ".join(
        f"{name.lower()} {value}" for name, value in cells if value is not None
    )


def draw_expansion(steps: Sequence[Step], *, unit: str) -> bytes:
    """Draws accuracy against cost, as in figure 2 of the paper.

    Args:
        steps: The steps, from `expand`.
        unit: The unit of the cost.

    Returns:
        The bytes of a PNG file.
    """
    figure = new_figure(7, 4.4, "constrained")
    axes = figure.subplots()
    path = [step.chosen for step in steps]
    kept = {(found.step, found.name) for found in path}
    rejected = [
        found
        for step in steps
        for found in step.candidates
        if found.top1 is not None and (found.step, found.name) not in kept
    ]
    axes.scatter(
        [found.cost for found in rejected],
        [found.top1 for found in rejected],
        s=18,
        color=FAINT,
        alpha=0.6,
    )
    axes.plot(
        [found.cost for found in path],
        [found.top1 for found in path],
        color=_PATH,
        marker="o",
        linewidth=2,
        zorder=3,
    )
    for found in (*path, *rejected):
        axis = AXES.get(found.name)
        axes.annotate(
            axis.symbol if axis else found.name,
            (found.cost, found.top1),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            color=FAINT if found in rejected else INK,
        )
    axes.margins(0.08, 0.12)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set(xlabel=unit, ylabel="top-1 accuracy")
    axes.grid(color="#eaeef2")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return to_png(figure)


_NETWORK = (*("Frames", "Interval", "Size", "Width", "Depth", "Bottleneck"),)


def _values(config):
    """Returns the cells of a network; None for options it does not have."""
    frames = config.clip.frame_interval * VIDEO_RATE
    record = BACKBONES[config.backbone.name]
    return (
        config.clip.num_segments,
        f"{frames:.3g}/{VIDEO_RATE} s",
        config.input.image_size,
        config.backbone.width if record.any_width else None,
        config.backbone.depth if "depth" in record.options else None,
        config.backbone.bottleneck if "bottleneck" in record.options else None,
    )


def _network_row(name, found):
    return (name, *_values(found.config), f"{found.cost:.4g}", _top1(found))


def _section(parent, step):
    number = step.candidates[0].step
    if step.candidates[0].name == CONTRACTED:
        return Section(
            f"Step {number}: contraction",
            "The last expansion was reduced to the largest network within the "
            "budget.",
            ("", *_NETWORK, "Cost", "Top-1"),
            [_network_row("contracted", step.chosen)],
        )
    return Section(
        f"Step {number}: {step.chosen.name}",
        f"Chosen network: {describe(step.chosen.config)}.",
        _HEADER,
        [_candidate_row(parent, found, step) for found in step.candidates],
    )


def _candidate_row(parent: Candidate, found: Candidate, step: Step):
    result = "chosen" if found.name == step.chosen.name else "rejected"
    before, after = (
        AXES[found.name].value(each.config) for each in (parent, found)
    )
    return (
        found.name,
        f"{before:.4g} to {after:.4g}",
        f"{found.cost:.4g}",
        f"{found.cost / parent.cost:.2f}",
        _top1(found),
        f"{found.seconds:.0f} s",
        f"failed: {found.error}" if found.error else result,
    )


def _top1(found):
    return None if found.top1 is None else f"{found.top1:.1%}"
