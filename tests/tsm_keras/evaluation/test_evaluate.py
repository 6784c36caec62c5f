"""`evaluate`, as called from Python."""

import numpy as np
import pytest

import tsm_keras
from testing.models import random_clip_model
from testing.prepared import shared_folder
from tsm_keras.data.pipeline.views import ViewConfig


@pytest.fixture(scope="module")
def model():
    labels = shared_folder()[0].label_names
    return random_clip_model(num_classes=len(labels), labels=labels)


def test_the_logits_are_those_of_the_preset(model, tmp_path, capsys):
    dataset, _ = shared_folder()
    tsm_keras.save_preset(model, tmp_path / "preset")
    found = tsm_keras.evaluate(tmp_path / "preset", dataset.folder)
    clips, labels = next(
        iter(
            tsm_keras.make_dataset(
                dataset,
                model.video_config,
                split="test",
                batch_size=dataset.split("test").clips,
                training=False,
            )
        )
    )
    expected = model.predict_on_batch(clips)["frame_logits"]
    np.testing.assert_allclose(found.frame_logits, expected, atol=1e-4)
    np.testing.assert_array_equal(found.labels, labels)
    assert len(set(found.clip_names)) == len(labels)
    assert tsm_keras.compute_metrics(found).top1 == found.top1()
    assert "".join(capsys.readouterr()) == ""


def test_split_and_views_are_chosen(model):
    dataset, _ = shared_folder()
    seen = []
    found = tsm_keras.evaluate(
        model,
        dataset.folder,
        ViewConfig(crops=3),
        split="train",
        progress=lambda *counts: seen.append(counts),
    )
    clips = dataset.split("train").clips
    assert found.frame_logits.shape == (clips, 1, 4)  # Averaged over views.
    assert seen[-1] == (clips, clips)
