"""A stream with lookahead gives what the clip model gives, some frames late."""

import numpy as np
import pytest

from testing.models import logits_of, random_clip_model, random_clips
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.streaming_classifier import StreamingClassifier

_TOLERANCE = 1e-5


def streamed(classifier, clips):
    """Returns the logits of all frames of clips, `[N, T, num_classes]`."""
    steps = [classifier.step(frames) for frames in clips.swapaxes(0, 1)]
    steps += classifier.finish()
    return np.stack(steps[classifier.delay :], axis=1)


def expect_equal(found, expected):
    scale = np.abs(expected).max()
    assert np.abs(found - expected).max() <= _TOLERANCE * scale


def longer(model, frames):
    """Returns the clip model with the same weights for `frames` frames."""
    config = model.video_config.changed(num_segments=frames)
    network = build_clip_model(config, return_frame_logits=True)
    network.set_weights(model.get_weights())
    return network


@pytest.mark.parametrize("frames", [3, 16])
def test_a_stream_equals_the_clip_of_a_bidirectional_network(frames):
    model = random_clip_model(shift="bidirectional")
    classifier = StreamingClassifier(model, lookahead=True)
    assert classifier.delay == 10
    clips = random_clips(model.video_config.changed(num_segments=frames))
    _, expected = logits_of(longer(model, frames), clips)
    expect_equal(streamed(classifier, clips), expected)
