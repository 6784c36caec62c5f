import numpy as np
import pytest

import tsm_keras
from testing.gestures import shared_videos
from testing.models import randomize, small_config
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.models.clip import build_clip_model


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    config = small_config(num_classes=4, labels=tuple("abcd"))
    model = build_clip_model(config)
    randomize(model, seed=1)
    path = tmp_path_factory.mktemp("presets") / "small"
    tsm_keras.save_preset(model, path)
    return tsm_keras.TSMClassifier.from_preset(path)


def test_a_video_is_named_as_the_evaluation_names_it(classifier):
    videos = shared_videos()
    data = make_dataset(videos, classifier.config, batch_size=8, training=False)
    logits = classifier.model.predict(data, verbose=0)
    for path, row in zip(videos.paths, logits, strict=True):
        named = classifier.classify(path)
        scores = np.exp(row - row.max()) / np.exp(row - row.max()).sum()
        assert [label for label, _ in named] == [
            "abcd"[k] for k in np.argsort(-scores)
        ]
        assert dict(named)["a"] == pytest.approx(scores[0], abs=1e-4)


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((3, 64, 64, 3), np.uint8),
        np.zeros((4, 64, 64, 1), np.uint8),
        np.zeros((4, 64, 64, 3), np.float32),
        np.zeros((64, 64, 3), np.uint8),
    ],
)
def test_wrong_frames_are_refused(classifier, frames):
    with pytest.raises(ValueError, match=r"`frames` must be.*Received: shape"):
        classifier.classify_frames(frames)


def test_the_summary_has_one_row_per_block_with_its_cost(classifier, capsys):
    classifier.summary()
    lines = capsys.readouterr().out.splitlines()
    blocks = [line for line in lines if line.startswith("stage_")]
    assert len(blocks) == 17
    assert [b.split()[2] == "yes" for b in blocks].count(True) == 10
    text = "\n".join(lines)
    for part in ("FLOPs", "caches        10", "statistics", "1/8, residual"):
        assert part in text


def test_flops_are_those_of_the_paper():
    """MobileNetV2 1.0 at 224: 300 M multiply-adds (Sandler et al., table 4)."""
    from tsm_keras.models.summary import model_facts

    config = tsm_keras.VideoClassifierConfig(num_classes=1000)
    facts = model_facts(build_clip_model(config))
    assert 2 * 300e6 < facts["flops_per_frame"] < 2 * 320e6
    assert facts["trainable"] == 3_504_872
    assert facts["statistics"] == 34_112
    assert facts["cache_elements"] == []


def test_public_names_all_load():
    for name in tsm_keras.__all__:
        assert getattr(tsm_keras, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'TemporalShft'"):
        tsm_keras.TemporalShft  # noqa: B018


def test_refuses_optical_flow():
    model = build_clip_model(
        small_config(
            input_channels=10, pixel_mean=(127.5,) * 10, pixel_std=(58.0,) * 10
        )
    )
    with pytest.raises(ValueError, match="no optical flow.*channels=10"):
        tsm_keras.TSMClassifier(model)
