"""predict_videos: the classes that a model sees in videos without labels."""

import concurrent.futures
import dataclasses
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from tensorflow import keras

from tsm_keras.data.labels import Head
from tsm_keras.data.pipeline.dataset import check_interval
from tsm_keras.data.pipeline.views import ViewConfig
from tsm_keras.data.prepare.collections.csv_list import read_table
from tsm_keras.data.readers.folder import VideoFolder
from tsm_keras.data.readers.probed_videos import (
    ProbedVideos,
    folder_with_findings,
)
from tsm_keras.data.readers.reader import ClipHead
from tsm_keras.data.readers.video_reader import VideoReader
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.data.video.class_folders import find_videos
from tsm_keras.data.video.decoding import VideoError, VideoInfo
from tsm_keras.evaluation.evaluate import KerasPredictor
from tsm_keras.evaluation.views import predict_heads
from tsm_keras.models.config import HeadConfig, VideoClassifierConfig
from tsm_keras.models.presets import load_preset

LIST_SUFFIXES = (".csv", ".tsv")
# Videos per pass through the pipeline. Results come after each pass, and memory
# does not grow with the number of videos.
_GROUP = 64


@dataclasses.dataclass(frozen=True, eq=False)
class VideoPrediction:
    """The classes that a model sees in one video.

    Attributes:
        path: The file.
        label_names: The K classes of each head, by the name of the head; the
            name is empty if there is only one.
        probabilities: `[K]` float64, the probability of each class, by the
            name of the head. Empty if the video cannot be read.
        error: The reason why the video cannot be read, or an empty text.
    """

    path: str
    label_names: Mapping[str, tuple[str, ...]]
    probabilities: Mapping[str, np.ndarray]
    error: str = ""

    @property
    def heads(self) -> tuple[str, ...]:
        """The names of the heads."""
        return tuple(self.label_names)

    def top(self, k: int) -> dict[str, list[tuple[str, float]]]:
        """Returns the k most probable classes of each head."""
        found = {}
        for name, values in self.probabilities.items():
            best = np.argsort(-values, kind="stable")[:k]
            found[name] = [
                (self.label_names[name][i], float(values[i])) for i in best
            ]
        return found


class ClipPredictor(Protocol):
    """A model as a function of clips; see `Predictor` in views.py.

    Attributes:
        config: The clips that it takes and its heads.
    """

    config: VideoClassifierConfig

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """Takes clips and returns logits."""


def predict_videos(
    model: keras.Model | str | os.PathLike | ClipPredictor,
    videos: str | os.PathLike | Sequence[str | os.PathLike],
    views: ViewConfig | None = None,
    *,
    average: str = "logits",
    batch_size: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[VideoPrediction]:
    """Predicts the classes of videos, which need no labels.

        for video in tsm_keras.predict_videos("presets/mine", "holiday/"):
            print(video.path, video.top(3), video.error)

    A video that cannot be read does not end the prediction: its result has an
    `error`.

    Args:
        model: A clip model, the folder of a preset, or another predictor, such
            as `tsm_cli.predictors.open_predictor("gestures.tflite")`.
        videos: A video, or what `video_paths` takes, or several of these.
        views: The clips and crops that are taken from each video; None for one
            central clip.
        average: As in `evaluate`.
        batch_size: The number of views per batch.
        progress: A function that is called with the number of videos done and
            of all videos.

    Returns:
        An iterator over the predictions, in the order of the videos.

    Raises:
        ValueError, OSError: If the model cannot be read or takes optical flow,
            if a setting does not fit it, or as in `video_paths`.
    """
    if isinstance(model, (str, os.PathLike)):
        model = load_preset(model)
    predictor = KerasPredictor(model) if _is_network(model) else model
    predictor.config.input.expect_rgb()
    views = views or ViewConfig()
    check_interval(views.sampling, predictor.config)
    if views.mirrors:
        raise ValueError(
            "`crops` must be at most 5 for videos without labels: the classes "
            "of mirrored crops are not known. "
            f"Received: crops={views.crops}"
        )
    predict = functools.partial(
        predict_heads,
        predictor,
        config=predictor.config,
        views=views,
        average=average,
        batch_size=batch_size,
    )
    heads = [_named(head) for head in predictor.config.heads]
    paths = video_paths(videos)
    return _predictions(predict, paths, heads, progress)


def video_paths(
    sources: str | os.PathLike | Sequence[str | os.PathLike],
) -> list[str]:
    """Returns the paths of videos, each once, without opening them.

    Args:
        sources: One source or several. A folder stands for the videos
            anywhere below it. A file that ends in .csv or .tsv is a list: the
            paths are in its column `path`, or in the first column, relative to
            the folder of the list. Any other source is a video.

    Raises:
        ValueError: If a source is an address, a folder holds no videos, or a
            list has no paths or names times, which are not read here.
        FileNotFoundError: If a list does not exist.
    """
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    found: list[str] = []
    for source in sources:
        path = local_folder(source)
        if os.path.isdir(path):
            videos = find_videos(path)
            if not videos:
                raise ValueError(
                    "A folder to predict must hold video files. Received: "
                    f"{path}, which holds none"
                )
            found += map(str, videos)
        elif path.suffix.lower() in LIST_SUFFIXES:
            found += _listed(path)
        else:
            found.append(os.fspath(source))
    return [*dict.fromkeys(found)]


def _listed(file):
    if not file.is_file():
        raise FileNotFoundError(f"The list of videos {file} does not exist.")
    paths = []
    for line, row in read_table(file, ("path",), named=1):
        if row.get("start") or row.get("end"):
            raise ValueError(
                f"{file}:{line}: a list for prediction must name whole videos, "
                "because `start` and `end` are not read: cut the videos, or "
                f"use `tsm prepare` and `tsm evaluate`. Received: {row}"
            )
        if not row["path"]:
            raise ValueError(
                f"{file}:{line}: a row must have a path. Received: {row}"
            )
        paths.append(str(file.parent / local_folder(row["path"])))
    if not paths:
        raise ValueError(f"{file} lists no videos.")
    return paths


def _predictions(predict, paths, heads, progress):
    if not paths:
        return
    label_names = {head.name: head.label_names for head in heads}
    done = 0
    with (
        # A prediction leaves no file in the folders that it reads.
        ProbedVideos(folder_with_findings(paths), add_file=False) as videos,
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        for first in range(0, len(paths), _GROUP):
            group = paths[first : first + _GROUP]
            infos = list(pool.map(videos.probe, group))
            probabilities = _probabilities(predict, group, infos, heads)
            for path, info in zip(group, infos, strict=True):
                failed = isinstance(info, VideoError)
                found = {} if failed else next(probabilities)
                error = info.reason if failed else ""
                done += 1
                if progress:
                    progress(done, len(paths))
                yield VideoPrediction(path, label_names, found, error)


def _probabilities(predict, paths, infos, heads):
    """Yields the probabilities of each head for each readable video."""
    good = [
        (path, info)
        for path, info in zip(paths, infos, strict=True)
        if isinstance(info, VideoInfo)
    ]
    if not good:
        return
    found = predict(_UnlabelledVideos(*zip(*good, strict=True), heads))
    rows = {name: one.probabilities() for name, one in found.items()}
    for values in zip(*rows.values(), strict=True):
        yield dict(zip(rows, values, strict=True))


class _UnlabelledVideos(VideoReader):
    """Videos as a `ClipReader`, which says that all are of the first class."""

    def __init__(self, paths, infos, heads):
        super().__init__(
            VideoFolder(
                name="the videos to predict",
                paths=paths,
                labels=(0,) * len(paths),
                label_names=heads[0].label_names,
                infos=infos,
            )
        )
        self.heads = tuple(
            ClipHead(head.label_names, head.name) for head in heads
        )
        if len(heads) > 1:
            shape = len(paths), len(heads)
            self._described["label"] = np.zeros(shape, np.int64)


def _named(head: HeadConfig) -> Head:
    """Returns a head whose classes have names, if only their numbers."""
    numbers = map(str, range(head.num_classes))
    return Head(head.labels or tuple(numbers), head.name)


def _is_network(model):
    return isinstance(model, keras.Model)
