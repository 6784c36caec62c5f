"""The data of a candidate, and whether its training is deterministic."""

import dataclasses

import pytest
import tensorflow as tf

from testing.models import small_config
from testing.prepared import shared_prepared
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.training.config import Recipe
from tsm_keras.training.expansion import candidate
from tsm_keras.training.expansion.candidate import (
    CandidateJob,
    candidate_data,
    train_candidate,
)


@pytest.fixture
def job(tmp_path):
    dataset = shared_prepared()
    return CandidateJob(
        small_config(num_classes=4, labels=dataset.label_names),
        tmp_path / "preset",
        dataset.folder,
        "test",
        Recipe(),
    )


@pytest.mark.parametrize(
    "sampling", [SamplingConfig("dense", num_views=10), SamplingConfig("twice")]
)
def test_one_clip_per_video_is_validated(job, sampling):
    recipe = dataclasses.replace(job.recipe, sampling=sampling)
    _, testing = candidate_data(dataclasses.replace(job, recipe=recipe))
    videos = shared_prepared().split("test").clips
    assert sum(len(labels) for _, labels in testing) == videos == 4


@pytest.mark.parametrize("deterministic", [True, False])
def test_operations_are_deterministic_if_the_job_says_so(
    job, monkeypatch, deterministic
):
    def begin(_):
        raise LookupError  # Enough is seen.

    calls = []
    # In this process TensorFlow has begun to run.
    monkeypatch.setattr(
        tf.config.threading, "set_intra_op_parallelism_threads", lambda _: None
    )
    monkeypatch.setattr(
        tf.config.experimental,
        "enable_op_determinism",
        lambda: calls.append("deterministic"),
    )
    monkeypatch.setattr(candidate, "candidate_data", begin)
    with pytest.raises(LookupError):
        train_candidate(dataclasses.replace(job, deterministic=deterministic))
    assert calls == ["deterministic"] * deterministic
