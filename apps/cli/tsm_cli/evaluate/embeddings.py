"""The part of an evaluation's report that shows which clips are alike."""

import pathlib
from collections.abc import Mapping, Sequence

from tsm_cli.evaluate.settings import Data, Settings
from tsm_cli.predictors import ArtifactPredictor
from tsm_keras.evaluation.embedding import (
    clip_features,
    draw_embedding,
    expect_enough,
    neighbours_agree,
    t_sne,
)
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.evaluation.predictions import Predictions
from tsm_keras.evaluation.report import Section, write_csv
from tsm_keras.progress import progress_bar

Model = KerasPredictor | ArtifactPredictor


def check_embedding(
    settings: Settings, models: Sequence[Model], data: Data
) -> None:
    """Checks, before the long work, that embeddings can be computed.

    Raises:
        ValueError: If there is no report, a model is an artifact, or there are
            too few clips.
    """
    if not settings.to:
        raise ValueError(
            "`embedding` is part of the report, so it needs --to=FOLDER. "
            "Received: --embedding without --to"
        )
    for path, model in zip(settings.models, models, strict=False):
        if not isinstance(model, KerasPredictor):
            raise ValueError(
                "`embedding` needs the features before the classifier, which "
                f"a preset has and an artifact does not. Received: {path}"
            )
        expect_enough(data.reader(model.config).num_clips)


def embedding_sections(
    settings: Settings,
    models: Sequence[Model],
    data: Data,
    predictions: Sequence[Mapping[str, Predictions]],
) -> list[Section]:
    """Returns the section with a picture per model and head.

    `predictions` are those of each model, by the names of its heads.

    The positions of the clips are also written to `embedding.csv` in the folder
    of the report. The list is empty if no embedding is wanted.
    """
    if not settings.embedding or not settings.to:
        return []
    rows: list[Sequence] = []
    pictures = []
    for path, model, heads in zip(
        settings.models, models, predictions, strict=True
    ):
        assert isinstance(model, KerasPredictor)  # See `check_embedding`.
        with progress_bar(f"features of {path}", unit="clip") as progress:
            features = clip_features(
                model.model,
                data.reader(model.config),
                settings.views,
                batch_size=settings.batch_size,
                progress=progress,
            )
        positions = t_sne(features)
        for name, one in heads.items():
            alike = neighbours_agree(features, one.labels)
            of_head = f"{name} of " if name else ""
            pictures.append(
                (
                    f"{of_head}{path}: the nearest other clip is of the same "
                    f"class for {alike:.1%} of the clips.",
                    draw_embedding(positions, one.labels, one.label_names),
                )
            )
        first = next(iter(heads.values()))
        classes = [
            [one.label_names[label] for label in one.labels]
            for one in heads.values()
        ]
        rows += zip(
            [path] * len(features),
            first.clip_names,
            *positions.T.tolist(),
            *classes,
            strict=True,
        )
    header = ("model", "clip", "x", "y", *(name or "label" for name in heads))
    write_csv(pathlib.Path(settings.to) / "embedding.csv", [header, *rows])
    text = (
        "Each point is a clip, in the colour and shape of its true class. "
        "Clips are close if their features before the classifier are alike "
        "(t-SNE of the mean over frames). Only which points are neighbours "
        "means something, not the axes and not the size of gaps."
    )
    return [Section("Features of the clips", text, pictures=pictures)]
