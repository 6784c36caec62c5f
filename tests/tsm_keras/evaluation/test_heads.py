"""Evaluation of predictions with several heads."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from testing.heads import LIGHTS, MOTIONS, shared_heads
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.data.pipeline.views import ViewConfig
from tsm_keras.data.readers.clip_reader import open_clips
from tsm_keras.evaluation.evaluation_report import write_evaluation
from tsm_keras.evaluation.metrics import all_right
from tsm_keras.evaluation.streaming import stream_chains, stream_protocol
from tsm_keras.evaluation.views import predict_heads, predict_views
from tsm_keras.models.config import ClipConfig, ClipFormat, InputConfig

FORMAT = ClipFormat(InputConfig(32), ClipConfig(3, 0.2))
WEIGHTS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def _logits(clips):
    """Returns logits of the two heads side by side, `[..., 4]`."""
    left = clips[..., :16, :].mean((-3, -2)) - clips[..., 16:, :].mean((-3, -2))
    return np.tanh(left.astype(np.float32) / 20) @ WEIGHTS


class _OneHead:
    """A reader that shows a single head of another reader."""

    def __init__(self, reader, place):
        self._reader, self._place = reader, place
        self.heads = (dataclasses.replace(reader.heads[place], name=""),)

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def describe(self, number):
        clip = dict(self._reader.describe(number))
        return clip | {"label": clip["label"][..., self._place]}


@pytest.fixture(scope="module")
def reader():
    return open_clips(shared_heads().folder, "test")


@pytest.mark.parametrize("average", ["logits", "softmax"])
@pytest.mark.parametrize(
    "views", [ViewConfig(), ViewConfig(SamplingConfig("twice"), crops=10)]
)
def test_each_head_is_evaluated_as_if_it_were_the_only_one(
    reader, views, average
):
    settings = {"average": average, "batch_size": 7}
    found = predict_heads(_logits, reader, FORMAT, views, **settings)
    assert [*found] == ["motion", "light"]
    for place, one in enumerate(found.values()):
        alone = predict_views(
            lambda clips, place=place: _logits(clips)[
                ..., 2 * place : 2 * place + 2
            ],
            _OneHead(reader, place),
            FORMAT,
            views,
            **settings,
        )
        np.testing.assert_array_equal(one.labels, alone.labels)
        np.testing.assert_array_equal(one.frame_logits, alone.frame_logits)
    with pytest.raises(ValueError, match="a single head here"):
        predict_views(_logits, reader, FORMAT, views)


@pytest.fixture(scope="module")
def predictions(reader):
    found = predict_heads(_logits, reader, FORMAT, ViewConfig())
    return {
        name: dataclasses.replace(one, clip_names=reader.clip_names)
        for name, one in found.items()
    }


def test_the_report_has_every_head_and_all_of_them(predictions, tmp_path):
    page = write_evaluation(
        tmp_path, predictions, title="two heads", protocol={}, early=True
    )
    with open(tmp_path / "predictions.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    right = {}
    for name, labels in (("motion", MOTIONS), ("light", LIGHTS)):
        for row in rows:  # The name of a file tells its classes.
            (label,) = (label for label in labels if label in row["clip"])
            assert row[f"{name}_label"] == label
        hits = [x[f"{name}_label"] == x[f"{name}_predicted"] for x in rows]
        assert hits == [row[f"{name}_rank"] == "1" for row in rows]
        right[name] = hits
    both = np.all([*right.values()], axis=0)
    assert [row["all_right"] for row in rows] == [str(int(x)) for x in both]
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    assert results["all_top1"] == all_right(predictions) == both.mean()
    assert results["clips"] == 8
    for name, hits in right.items():
        assert results["heads"][name]["top1"] == np.mean(hits)
        assert results["heads"][name]["top1_by_frames"][-1] == np.mean(hits)
        with open(tmp_path / f"confusion_{name}.csv") as file:
            counts = np.array([x[1:] for x in csv.reader(file)][1:], int)
        assert np.trace(counts) == sum(hits)
        assert (tmp_path / f"classes_{name}.csv").exists()
    text = page.read_text("utf-8")
    assert f"All heads are right for {both.mean():.2%}" in text
    for title in ("motion: Classes", "light: Calibration"):
        assert f"<h2>{title}</h2>" in text


class _Streams:
    """Two streams whose logits depend on all frames since their reset."""

    streams, delay = 2, 0

    def __init__(self, columns=slice(None)):
        self._sums, self._columns = np.zeros((2, 4)), columns

    def reset(self, stream=None):
        self._sums[slice(None) if stream is None else stream] = 0

    def step(self, frames):
        self._sums = 0.5 * self._sums + _logits(frames)
        return self._sums[:, self._columns].astype(np.float32)


def test_streams_are_summarized_by_head_and_for_all_heads(reader):
    found = stream_protocol(_Streams(), reader, FORMAT, chain=4)
    assert [*found] == [
        f"{name}_{kind}"
        for name in ("all", "motion", "light")
        for kind in ("frame", "window")
    ]
    for place, name in enumerate(("motion", "light")):
        columns = slice(2 * place, 2 * place + 2)
        alone = stream_protocol(
            _Streams(columns), _OneHead(reader, place), FORMAT, chain=4
        )
        for kind, expected in alone.items():
            assert found[f"{name}_{kind}"] == expected
            together = found[f"all_{kind}"].by_fraction
            for (_, one), (_, both) in zip(
                expected.by_fraction, together, strict=True
            ):
                assert both <= one
    chains = [[number] for number in range(reader.num_clips)]
    ends = [
        (video.logits[-1].reshape(2, 2).argmax(axis=1) == video.label).all()
        for video in stream_chains(_Streams(), reader, FORMAT, chains, 0.2)
    ]
    assert found["all_frame"].by_fraction[-1] == (1.0, np.mean(ends))
