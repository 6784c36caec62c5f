"""Networks with several heads: each head is a network of its own to a user."""

import numpy as np
import pytest

from testing.models import random_clips, randomize, small_config
from testing.numerics import relative_error
from tsm_keras.models.clip import build_clip_model, with_frame_logits
from tsm_keras.models.config import HeadConfig
from tsm_keras.models.presets import load_preset, save_preset
from tsm_keras.models.streaming_classifier import StreamingClassifier
from tsm_keras.models.weights import named_weights

VERB = HeadConfig(3, ("cut", "stir", "pour"), name="verb")
NOUN = HeadConfig(4, name="noun")


@pytest.fixture(scope="module")
def config():
    return small_config(shift="causal").changed(heads=(VERB, NOUN))


@pytest.fixture(scope="module")
def model(config):
    model = build_clip_model(config)
    randomize(model, seed=3)
    return model


def test_a_head_computes_what_a_network_with_this_head_alone_computes(
    model, config
):
    clips = random_clips(config, clips=2)
    found = model(clips, training=False)
    assert list(found) == ["logits_verb", "logits_noun"]
    weights = named_weights(model)
    for head in config.heads:
        alone = build_clip_model(
            config.changed(heads=(HeadConfig(head.num_classes),))
        )
        for name, weight in named_weights(alone).items():
            name = name.replace("classifier", head.classifier)
            weight.assign(weights[name])
        expected = alone(clips, training=False)
        assert relative_error(found[head.output], expected) <= 1e-6


def test_streaming_equals_the_clip_model_frame_by_frame(model, config):
    clips = random_clips(config, clips=2)
    expected = with_frame_logits(model)(clips, training=False)
    streams = StreamingClassifier(model, streams=2)
    for step in range(config.clip.num_segments):
        found = streams.step(clips[:, step])
        for head in config.heads:
            wanted = expected[f"frame_{head.output}"][:, step]
            assert relative_error(found[head.output], wanted) <= 1e-4


def test_a_single_head_may_have_a_name(config):
    model = build_clip_model(config.changed(heads=(VERB,)))
    clips = random_clips(config, clips=1)
    assert model(clips).shape == (1, 3)
    stream = StreamingClassifier(model)
    assert stream.step(clips[:, 0]).shape == (1, 3)


def test_a_preset_keeps_every_head(model, config, tmp_path):
    path = save_preset(model, tmp_path / "preset")
    assert (path / "labels_verb.txt").read_text() == "cut\nstir\npour\n"
    assert (path / "labels_noun.txt").read_text() == ""
    again = load_preset(path)
    assert again.video_config == config
    clips = random_clips(config, clips=1)
    found, wanted = again(clips), model(clips)
    for head in config.heads:
        np.testing.assert_array_equal(found[head.output], wanted[head.output])
