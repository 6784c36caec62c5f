"""Streams of convolutions in time against their causal clip models."""

import numpy as np
import pytest

from testing.models import (
    float64,
    float64_twin,
    logits_of,
    random_clip_model,
    random_clips,
    rounding_tolerance,
    small_config,
)
from testing.numerics import FLOAT64_TOLERANCE, relative_error
from testing.streams import stream
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.streaming import build_streaming_model, to_streaming
from tsm_keras.models.weights import copy_weights

pytestmark = pytest.mark.usefixtures("resnet10")

FRAMES = 9  # More than the longest kernel covers.
DILATED = {"kernels": (3, 3, 3), "dilations": (1, 2, 3)}
CASES = {
    "mixtconv": ("mobilenet_v2", {"operator": "mixtconv"}),
    "x3d_frame": ("x3d", {"context": "frame"}),
    "x3d_past": ("x3d", {"context": "past", "activation": "hard_swish"}),
}
_SLOW = {
    "head": ("resnet18", {"operator": "mixtconv", "placement": "inplace"}),
    "dilated": ("resnet10", {"operator": "mixtconv", **DILATED}),
    "single": ("resnet10", {"operator": "mixtconv", "kernels": (5,)}),
    "ordinary": ("mobilenet_v2", {"operator": "conv1d", "kernels": (3,)}),
    "resnet50": ("resnet50", {"operator": "mixtconv", "stages": (4,)}),
    "mobilenet_v3": ("mobilenet_v3_small", {"operator": "mixtconv"}),
    "mobilenet_v4": ("mobilenet_v4_conv_small", {"operator": "mixtconv"}),
    "efficientnet": ("efficientnet_lite0", {"operator": "mixtconv"}),
    "slowfast": ("x3d", {"depth": 1.0, "shortcut_batch_norm": True}),
}
PARAMETERS = [
    *CASES,
    *(pytest.param(name, marks=pytest.mark.slow) for name in _SLOW),
]


def fields_of(name):
    backbone, fields = (CASES | _SLOW)[name]
    return {"backbone": backbone, "num_segments": FRAMES, **fields}


@pytest.mark.parametrize("name", PARAMETERS)
def test_equals_the_clip_model_of_every_prefix(name):
    """In float64 to 1e-10, and in float32 to the network's own rounding."""
    fields = fields_of(name)
    model = random_clip_model(**fields)
    exact = float64_twin(model)
    clips = random_clips(small_config(**fields), clips=2)
    _, expected = logits_of(exact, clips)
    with float64():
        streamed = stream(to_streaming(exact, streams=2), clips)
    assert relative_error(streamed, expected) <= FLOAT64_TOLERANCE
    for length in (1, 4):
        with float64():
            prefix = build_clip_model(
                small_config(**fields | {"num_segments": length}),
                return_frame_logits=True,
            )
        copy_weights(exact, prefix)
        logits, frame_logits = logits_of(prefix, clips[:, :length])
        for found, wanted in (
            (streamed[:, :length], frame_logits),
            (streamed[:, :length].mean(axis=1), logits),
        ):
            assert relative_error(found, wanted) <= FLOAT64_TOLERANCE
    rounded = stream(to_streaming(model, streams=2), clips)
    _, expected = logits_of(model, clips)
    tolerance = rounding_tolerance(model, clips)
    assert relative_error(rounded, expected) <= tolerance
    # The frames' logits are so different that a wrong frame would show.
    change = relative_error(expected[:, 1:], expected[:, :-1])
    assert change > max(1e-2, 100 * tolerance)


@pytest.mark.parametrize("name", ["mixtconv", "dilated", "x3d_frame"])
def test_remembers_as_many_frames_as_its_kernels_cover(name):
    model = build_streaming_model(small_config(**fields_of(name)))
    frames = set(model.cache_frames.values())
    assert (
        frames
        == {
            "mixtconv": {2, 4, 6},
            "dilated": {2, 4, 6},
            "x3d_frame": {2, 4},
        }[name]
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"operator": "mixtconv", "causal": False},
        {"operator": "conv1d", "kernels": (3,), "causal": False},
        {"backbone": "x3d", "causal": False},
        {"backbone": "x3d", "causal": False, "context": "frame"},
    ],
)
def test_refuses_to_look_ahead(fields):
    with pytest.raises(ValueError, match="cannot stream.*Received: operator="):
        build_streaming_model(small_config(**fields))


def test_the_present_frame_is_the_only_one_that_an_identity_needs():
    """With kernels of one frame, MixTConv streams whatever its direction."""
    config = small_config(operator="mixtconv", kernels=(1, 1), causal=False)
    assert build_streaming_model(config).cache_frames == {}
    assert np.isscalar(config.temporal.kernels[0])
