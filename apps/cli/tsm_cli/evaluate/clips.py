"""evaluate: computes the predictions of models, their metrics and a report."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from tsm_cli.evaluate.embeddings import check_embedding, embedding_sections
from tsm_cli.evaluate.settings import Data, Settings
from tsm_cli.predictors import ArtifactPredictor, open_predictor
from tsm_keras.data.pipeline.views import make_views
from tsm_keras.evaluation.ensemble import combine, in_order_of
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.evaluation.evaluation_report import (
    summary_header,
    summary_rows,
    write_evaluation,
)
from tsm_keras.evaluation.metrics import all_right, compute_metrics
from tsm_keras.evaluation.predictions import Predictions
from tsm_keras.evaluation.report import Section, format_table
from tsm_keras.evaluation.saliency import (
    find_clip,
    saliency,
    saliency_sheet,
)
from tsm_keras.evaluation.views import predict_heads
from tsm_keras.progress import progress_bar

Model = KerasPredictor | ArtifactPredictor


def evaluate(settings: Settings) -> dict[str, Predictions]:
    """Evaluates models, prints metrics and writes a report to `settings.to`.

    Returns:
        The predictions of each head, by its name, averaged over the models.

    Raises:
        ValueError, OSError: If a model, the data or a setting is wrong, or
            they do not fit each other.
    """
    data = Data(settings)
    # The model to compare with, if there is one, comes last.
    paths = [*settings.models, *filter(None, [settings.against])]
    opened = [
        open_predictor(path, full_resolution=settings.views.full_resolution)
        for path in paths
    ]
    _check(settings, opened, data)
    models = opened[: len(settings.models)]
    found = []
    for path, model in zip(settings.models, models, strict=True):
        found.append(_predict(path, model, data, settings))
        if len(models) > 1:
            print(f"{path}: top-1 {all_right(found[-1]):.2%}")
        if isinstance(model, ArtifactPredictor):
            unit = "frame" if model.spec.kind == "stream" else "clip"
            latency = model.median_latency() * 1e3
            print(f"median {latency:.2f} ms per {unit}, one thread")
    heads = found[0]
    results: dict[str, Any] = {}
    if len(found) > 1:
        heads = {
            name: combine(
                [first, *(in_order_of(one[name], first) for one in found[1:])],
                settings.weights,
                average=settings.average or "softmax",
            )
            for name, first in found[0].items()
        }
        results["models"] = {
            path: all_right(one)
            for path, one in zip(settings.models, found, strict=True)
        }
    metrics = {name: compute_metrics(one) for name, one in heads.items()}
    several = "of all heads " if len(heads) > 1 else ""
    clips = next(iter(metrics.values())).clips
    print(f"top-1 {several}{all_right(heads):.2%} of {clips} clips")
    print(format_table(summary_header(metrics), summary_rows(metrics)))
    if settings.against:
        expected = _predict(settings.against, opened[-1], data, settings)
        print(f"{settings.against}: top-1 {all_right(expected):.2%}")
        compared = {
            name: _compare(name, one, expected[name])
            for name, one in heads.items()
        }
        results["against"] = {
            "model": settings.against,
            **(compared if several else compared.popitem()[1]),
        }
    if settings.to:
        page = write_evaluation(
            settings.to,
            heads,
            title=" + ".join(
                pathlib.Path(path).name for path in settings.models
            ),
            protocol=protocol(settings),
            early=models[0].config.can_stream
            and next(iter(heads.values())).frame_logits.shape[1] > 1,
            frames_of=functools.partial(data.clip, models[0].config)
            if models[0].config.input.is_rgb
            else None,
            sections=[
                *_saliency(settings, models[0], data, heads),
                *embedding_sections(settings, models, data, found),
            ],
            results=results,
        )
        print(page)
    return heads


def protocol(settings: Settings) -> dict[str, Any]:
    """Returns the settings that were used, as JSON values."""
    fields = dataclasses.asdict(settings)
    views = fields.pop("views")
    return {key: value for key, value in (fields | views).items() if value}


def check_target(folder: str) -> None:
    """Checks that a report can be written into a folder.

    Raises:
        ValueError: If the path is a file, or inside a file.
        PermissionError: If the folder is not writable.
    """
    path = pathlib.Path(folder)
    there = next(x for x in (path, *path.parents) if x.exists())
    if not there.is_dir():
        raise ValueError(
            f"`to` must be a folder, but {there} is a file. "
            f"Received: to={folder}"
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(f"`to` must be writable. Received: to={folder}")


def _check(settings, models: Sequence[Model], data):
    """Checks, before the long work, that all of it can be done."""
    if settings.to:
        check_target(settings.to)
    if settings.flow_data and all(
        model.config.input.is_rgb for model in models
    ):
        raise ValueError(
            "`flow_data` needs a preset that takes optical flow, and none of "
            f"these does. Received: flow_data={settings.flow_data}"
        )
    if settings.saliency:
        _check_saliency(settings, models[0], data)
    if settings.embedding:
        check_embedding(settings, models, data)
    for model in models:  # This raises if data or views do not fit a model.
        reader = data.reader(model.config)
        make_views(reader, model.config, settings.views, batch_size=1)


def _check_saliency(settings, model, data):
    if not settings.to:
        raise ValueError(
            "`saliency` is part of the report, so it needs --to=FOLDER. "
            f"Received: saliency={','.join(settings.saliency)}"
        )
    if not isinstance(model, KerasPredictor) or not model.config.input.is_rgb:
        raise ValueError(
            "`saliency` needs the gradients of the first model, which must be "
            f"a preset that takes RGB. Received: {settings.models[0]}"
        )
    names = data.reader(model.config).clip_names
    for wanted in settings.saliency:
        find_clip(wanted, names)


def _predict(path, model: Model, data: Data, settings: Settings):
    reader = data.reader(model.config)
    with progress_bar(f"evaluating {path}", unit="clip") as progress:
        heads = predict_heads(
            model,
            reader,
            model.config,
            settings.views,
            average=settings.average or "logits",
            batch_size=settings.batch_size,
            progress=progress,
        )
    if len(settings.models) > 1 or settings.to or settings.against:
        names = reader.clip_names
        for name, one in heads.items():
            heads[name] = dataclasses.replace(one, clip_names=names)
    return heads


def _compare(head, predictions, expected):
    """Compares predictions with those of another model, and prints it."""
    expected = in_order_of(expected, predictions)
    agreement = predictions.agreement(expected)
    changes = np.abs(predictions.probabilities() - expected.probabilities())
    print(
        f"{head}{': ' if head else ''}agreement with it: {agreement:.2%} of "
        f"clips; probabilities differ by {changes.mean():.4f} on average, "
        f"{changes.max():.4f} at most"
    )
    return {
        "top1": expected.top1(),
        "agreement": agreement,
        "mean_probability_change": float(changes.mean()),
        "max_probability_change": float(changes.max()),
    }


def _saliency(settings, model, data, heads):
    """Returns the section of the report that explains the wanted clips."""
    pictures = []
    clip_names = next(iter(heads.values())).clip_names
    for wanted in settings.saliency:
        number = find_clip(wanted, clip_names)
        clip = data.clip(model.config, number)
        frame_logits = np.split(
            model(clip[None])[0],
            np.cumsum([len(one.label_names) for one in heads.values()])[:-1],
            axis=-1,
        )
        for predictions, logits, head in zip(
            heads.values(), frame_logits, model.config.heads, strict=True
        ):
            label = int(predictions.classes()[number])
            name = predictions.label_names[label]
            truth = predictions.label_names[predictions.labels[number]]
            evidence = saliency(model.model, clip, label, output=head.output)
            pictures.append(
                (
                    f"Clip {number}, {clip_names[number]}, shows "
                    f"{truth} and is predicted as {name}. Bars show the "
                    "probability of the predicted class by each frame's own "
                    "logits.",
                    saliency_sheet(clip, evidence, logits, name, label),
                )
            )
    if not pictures:
        return []
    text = "The regions that raise the predicted logit (Grad-CAM per frame)."
    return [Section("Saliency over time", text, pictures=pictures)]
