"""evaluate_stream: evaluates a model frame by frame and writes a report."""

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from tsm_cli.evaluate.clips import check_target
from tsm_cli.evaluate.settings import Data, Settings
from tsm_cli.predictors import (
    ArtifactPredictor,
    ArtifactStreams,
    KerasStreams,
    open_predictor,
)
from tsm_keras.evaluation.plots import line_chart
from tsm_keras.evaluation.report import (
    Section,
    format_table,
    write_json,
    write_report,
)
from tsm_keras.evaluation.stream_results import StreamResults
from tsm_keras.evaluation.streaming import (
    Streamer,
    stream_interval,
    stream_protocol,
)
from tsm_keras.progress import progress_bar

_READOUTS = {
    "frame": "the last frame's logits",
    "window": "the mean logits over the frames of one clip",
}
_HEADER = ("prediction by", "whole video", "half of it", "after others")


def evaluate_stream(settings: Settings) -> dict[str, StreamResults]:
    """Streams the videos, prints accuracies and writes a report to `to`.

    Args:
        settings: The values of the flags.

    Returns:
        The results of `stream_protocol`.

    Raises:
        ValueError: If there is not exactly one model, or it cannot stream.
    """
    if len(settings.models) != 1:
        raise ValueError(
            f"--stream takes one model. Received: {', '.join(settings.models)}"
        )
    predictor = open_predictor(settings.models[0])
    predictor.config.input.expect_rgb()
    if settings.to:
        check_target(settings.to)
    streamer: Streamer
    if isinstance(predictor, ArtifactPredictor):
        streamer = ArtifactStreams(settings.models[0])
    else:
        streamer = KerasStreams(
            predictor.model,
            streams=settings.batch_size,
            lookahead=settings.lookahead,
        )
    interval = stream_interval(predictor.config, settings.frame_interval)
    clips = Data(settings).reader(predictor.config)
    with progress_bar("streaming", unit="video") as progress:
        results = stream_protocol(
            streamer,
            clips,
            predictor.config,
            frame_interval=interval,
            seed=settings.seed,
            progress=progress,
        )
    print(_summary(results))
    if streamer.delay:
        print(f"logits are {streamer.delay} frames later than their frames")
    rows = [_row(name, result) for name, result in results.items()]
    print(format_table(_HEADER, rows))
    if settings.to:
        protocol = {
            "model": settings.models[0],
            "data": settings.data,
            "split": settings.split,
            "max_bad_fraction": settings.max_bad_fraction,
            "frame_interval": interval,
            "delay_in_frames": streamer.delay,
            "seed": settings.seed,
        }
        print(_write(pathlib.Path(settings.to), protocol, rows, results))
    return results


def _summary(results):
    result = next(iter(results.values()))
    _, chained = result.after_others()
    return (
        f"{result.videos} videos, each after a reset; and in chains, where "
        f"{chained} of them ran after others without a reset"
    )


def _row(name, result):
    half = next(y for x, y in result.by_fraction if x >= 0.5)
    after_others, _ = result.after_others()
    return (
        _readout(name),
        f"{result.by_fraction[-1][1]:.1%}",
        f"{half:.1%}",
        None if after_others is None else f"{after_others:.1%}",
    )


def _readout(name):
    """Returns a result's kind of prediction in words, and its head."""
    head, _, kind = name.rpartition("_")
    return f"{head}: {_READOUTS[kind]}" if head else _READOUTS[kind]


def _write(folder, protocol, rows, results: Mapping[str, StreamResults]):
    numbers = {"protocol": protocol} | {
        name: dataclasses.asdict(result) for name, result in results.items()
    }
    write_json(folder / "stream.json", numbers)
    return write_report(
        folder / "stream.html",
        title=f"{pathlib.Path(protocol['model']).name}, streamed",
        summary=_summary(results),
        header=_HEADER,
        rows=rows,
        sections=[
            _chart(
                "Early recognition",
                "share of the video seen",
                results,
                "by_fraction",
            ),
            _chart(
                "Frame by frame",
                "frames seen since the reset",
                results,
                "by_frames",
            ),
            _chart(
                "Long streams",
                "videos that ran before without a reset",
                results,
                "by_position",
                "The last points may have only one video each; stream.json "
                "has the counts.",
            ),
            _after_change(results),
        ],
        notes=[f"{key}: {value}" for key, value in protocol.items()],
    )


def _chart(title, xlabel, results, field, text=""):
    lines = {
        _readout(name): _columns(getattr(result, field), 0, 1)
        for name, result in results.items()
    }
    picture = line_chart(
        lines,
        xlabel=xlabel,
        ylabel="top-1 accuracy",
        percent_x=field == "by_fraction",
    )
    return Section(
        title, text, pictures=[(f"Top-1 against {xlabel}.", picture)]
    )


def _after_change(results):
    lines = {}
    # With several heads, the results of all heads together come first.
    for name, result in [*results.items()][: len(_READOUTS)]:
        for column, text in ((1, "reset"), (2, "no reset")):
            lines[f"{text}: {_readout(name)}"] = _columns(
                result.after_change, 0, column
            )
    picture = line_chart(
        lines, xlabel="frames since the change", ylabel="top-1 accuracy"
    )
    return Section(
        "After a change of scene",
        "A video of another class has just ended. Few videos are as long as "
        "the last points; stream.json has the counts.",
        pictures=[("Top-1 with and without a reset at the change.", picture)],
    )


def _columns(table, *columns):
    array = np.array(table, float).reshape(len(table), -1)
    return tuple(array[:, column] for column in columns)
