"""Streaming models against the causal clip model."""

import numpy as np
import pytest
import tensorflow as tf

from testing.models import (
    float64,
    float64_twin,
    logits_of,
    random_clip_model,
    random_clips,
    randomize,
    rounding_tolerance,
    small_config,
)
from testing.numerics import FLOAT64_TOLERANCE, relative_error
from testing.streams import stream
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.streaming import (
    build_streaming_model,
    cache_shapes,
    to_streaming,
)
from tsm_keras.models.weights import copy_weights

CASES = [
    ("mobilenet_v2", "causal", "residual"),
    ("mobilenet_v2", "causal", "inplace"),
    ("resnet18", "causal", "residual"),
    ("resnet18", "causal", "inplace"),
    ("resnet18", "none", "residual"),
    *(
        pytest.param(backbone, "causal", "residual", marks=pytest.mark.slow)
        for backbone in (
            "efficientnet_lite0",
            "mobilenet_v3_small",
            "mobilenet_v4_conv_small",
            "resnet50",
        )
    ),
]


@pytest.mark.tf_keras_too  # No fast test has the streams of large backbones.
@pytest.mark.parametrize(("backbone", "shift", "placement"), CASES)
def test_equals_clip_models_of_every_prefix_in_float64(
    backbone, shift, placement
):
    """The contract that everything else rests on, free of rounding errors."""
    fields = {"shift": shift, "placement": placement}
    model = float64_twin(random_clip_model(backbone, **fields))
    clips = random_clips(small_config(backbone), clips=2)
    with float64():
        streaming = to_streaming(model, streams=2)
        prefixes = [
            build_clip_model(
                small_config(backbone, num_segments=length, **fields),
                return_frame_logits=True,
            )
            for length in (1, 2, 3)
        ]
    streamed = stream(streaming, clips)
    assert streamed.dtype == np.float64
    for length, prefix in enumerate([*prefixes, model], 1):
        if prefix is not model:
            copy_weights(model, prefix)
        logits, frame_logits = logits_of(prefix, clips[:, :length])
        assert logits.dtype == frame_logits.dtype == np.float64
        error = relative_error(streamed[:, :length], frame_logits)
        assert error <= FLOAT64_TOLERANCE
        mean = streamed[:, :length].mean(axis=1)
        assert relative_error(mean, logits) <= FLOAT64_TOLERANCE


@pytest.mark.parametrize(("backbone", "shift", "placement"), CASES)
def test_equals_the_clip_model_frame_by_frame(backbone, shift, placement):
    """In float32, in which networks are used."""
    fields = {"shift": shift, "placement": placement}
    model = random_clip_model(backbone, **fields)
    clips = random_clips(small_config(backbone), clips=2)
    streamed = stream(to_streaming(model, streams=2), clips)
    _, expected = logits_of(model, clips)
    tolerance = rounding_tolerance(model, clips)
    for frame in range(expected.shape[1]):
        error = relative_error(streamed[:, frame], expected[:, frame])
        assert error <= tolerance
    # The frames' logits are so different that a wrong frame would show.
    change = relative_error(expected[:, 1:], expected[:, :-1])
    assert change > max(1e-2, 100 * tolerance)


@pytest.mark.parametrize(
    ("backbone", "stages", "caches"),
    [
        ("resnet18", (3,), 2),
        ("mobilenet_v2", (5, 6), 4),
        ("mobilenet_v4_conv_small", (4,), 5),
    ],
)
def test_some_stages_stream_like_the_clip_model(backbone, stages, caches):
    model = random_clip_model(backbone, stages=stages)
    clips = random_clips(model.video_config)
    streaming = to_streaming(model)
    assert len(cache_shapes(streaming)) == caches
    streamed = stream(streaming, clips)
    _, expected = logits_of(model, clips)
    tolerance = rounding_tolerance(model, clips)
    assert relative_error(streamed, expected) <= tolerance
    # Another placement of the shift is another network.
    everywhere = random_clip_model(backbone)
    assert relative_error(logits_of(everywhere, clips)[1], expected) > 1e-2


@pytest.mark.parametrize("backbone", ["mobilenet_v2", "resnet18"])
def test_a_wrong_shift_is_far_beyond_rounding(backbone):
    """So the tests above can fail: each wrong stream is 100 tolerances away."""
    model = random_clip_model(backbone)
    clips = random_clips(small_config(backbone))
    _, expected = logits_of(model, clips)
    tolerance = rounding_tolerance(model, clips)
    reversed_in_time = stream(to_streaming(model), clips[:, ::-1])[:, ::-1]
    unshifted = build_streaming_model(small_config(backbone, shift="none"))
    copy_weights(model, unshifted)
    inplace = build_streaming_model(small_config(backbone, placement="inplace"))
    copy_weights(model, inplace)
    for wrong in (
        reversed_in_time,
        stream(unshifted, clips),
        stream(inplace, clips),
    ):
        for frame in range(1, 3):  # The first one has nothing to remember.
            error = relative_error(wrong[:, frame], expected[:, frame])
            assert error > 100 * tolerance


def test_needs_its_caches():
    """Without them a causal model computes something else."""
    model = random_clip_model()
    clips = random_clips(small_config())
    tolerance = rounding_tolerance(model, clips)
    fresh = to_streaming(model, streams=4)
    alone = stream(fresh, clips[0][:, None])[:, 0]
    _, expected = logits_of(model, clips)
    assert relative_error(alone[0], expected[0, 0]) <= tolerance
    for frame in range(1, 4):
        error = relative_error(alone[frame], expected[0, frame])
        assert error > 100 * tolerance


def test_names_are_the_contract_of_every_format():
    model = to_streaming(random_clip_model())
    caches = [f"cache_{index:02d}" for index in range(10)]
    frame = tf.zeros([1, 64, 64, 3])
    shapes = cache_shapes(model)
    assert list(shapes) == caches
    inputs = {name.name.split(":")[0] for name in model.inputs}
    assert inputs == {"frame", *caches}
    outputs = model(
        {"frame": frame}
        | {name: tf.zeros((1, *shape)) for name, shape in shapes.items()}
    )
    assert set(outputs) == {"logits", *(f"{name}_out" for name in caches)}
    for name, shape in shapes.items():
        assert tuple(outputs[f"{name}_out"].shape) == (1, *shape)


def test_cache_shapes_are_in_the_order_of_the_network():
    """Width 0.35 at 64 pixels: 8 to 56 channels, 16 to 2 pixels."""
    model = build_streaming_model(small_config())
    assert list(cache_shapes(model).values()) == [
        (16, 16, 1),
        *[(8, 8, 2)] * 2,
        *[(4, 4, 3)] * 3,
        *[(4, 4, 4)] * 2,
        *[(2, 2, 7)] * 2,
    ]


def test_tsn_streams_without_caches():
    model = build_streaming_model(small_config(shift="none"))
    assert cache_shapes(model) == {}
    assert [tensor.shape[1:] for tensor in model.inputs] == [(64, 64, 3)]


@pytest.mark.parametrize("streams", [1, 3, None])
def test_number_of_streams_is_static_or_open(streams):
    model = build_streaming_model(small_config(), streams=streams)
    assert {tensor.shape[0] for tensor in model.inputs} == {streams}


def test_new_caches_are_the_fold_of_this_frame():
    """Whatever the old caches were: nothing is accumulated."""
    model = to_streaming(random_clip_model())
    shapes = cache_shapes(model)
    frame = tf.constant(random_clips(small_config())[:, 0])
    empty, full = (
        model(
            {"frame": frame}
            | {name: tf.fill((1, *s), value) for name, s in shapes.items()}
        )
        for value in (0.0, 2.0)
    )
    # The first mark's input does not depend on any cache.
    np.testing.assert_array_equal(empty["cache_00_out"], full["cache_00_out"])
    assert relative_error(full["cache_01_out"], empty["cache_01_out"]) > 1e-3
    assert relative_error(full["logits"], empty["logits"]) > 1e-3


def test_has_the_weights_of_the_clip_model_by_name():
    clip_model = random_clip_model()
    streaming = to_streaming(clip_model)
    named = {layer.name: layer for layer in streaming.layers if layer.weights}
    for layer in clip_model.layers:
        for ours, theirs in zip(
            layer.get_weights(),
            named.pop(layer.name).get_weights() if layer.weights else [],
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)
    assert not named
    assert streaming.video_config == clip_model.video_config


def test_later_training_does_not_reach_the_streaming_model():
    model = build_clip_model(small_config(image_size=32))
    streaming = to_streaming(model)
    before = streaming.get_layer("stem_conv").get_weights()[0]
    randomize(model, seed=1)
    after = streaming.get_layer("stem_conv").get_weights()[0]
    np.testing.assert_array_equal(before, after)


def test_refuses_a_shift_into_the_future():
    """And says what to do."""
    with pytest.raises(
        ValueError, match="shift='causal'.*Received: operator='shift'"
    ):
        build_streaming_model(small_config(shift="bidirectional"))
    with pytest.raises(
        ValueError, match="shift='causal'.*Received: operator='shift'"
    ):
        to_streaming(random_clip_model(shift="bidirectional"))


def test_refuses_to_look_across_the_clip():
    config = small_config("resnet50", non_local=True)
    with pytest.raises(ValueError, match="across the whole clip.*non_local=Tr"):
        build_streaming_model(config)
