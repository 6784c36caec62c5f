"""Detectors: their outputs, and streams that equal the clip model."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.models import (
    float64,
    float64_twin,
    random_clips,
    random_detector,
    small_detector_config,
)
from testing.numerics import FLOAT64_TOLERANCE, relative_error
from testing.streams import stream_outputs
from tsm_keras.models.clip import (
    build_clip_model,
    build_detector_clip_model,
    to_single_clip,
)
from tsm_keras.models.multiply_adds import multiply_adds
from tsm_keras.models.precision import precision
from tsm_keras.models.presets import (
    CONFIG_FILE,
    LABELS_FILE,
    PresetError,
    load_preset,
    save_preset,
)
from tsm_keras.models.streaming import build_streaming_model, to_streaming
from tsm_keras.models.summary import describe
from tsm_keras.models.weights import copy_weights, named_weights

OUTPUTS = ("heatmap", "box_size", "box_offset")
CASES = [
    ("mobilenet_v2", {"shift": "causal"}),
    ("resnet18", {"shift": "causal", "stride": 16}),
    *(
        pytest.param(backbone, fields, marks=pytest.mark.slow)
        for backbone, fields in (
            ("mobilenet_v2", {"shift": "none", "stride": 4}),
            ("efficientnet_lite0", {}),
            ("mobilenet_v3_small", {}),
            ("mobilenet_v4_conv_small", {}),
            ("x3d", {"causal": True}),
            ("mobilenet_v2", {"operator": "mixtconv", "causal": True}),
        )
    ),
]


def outputs_of(model, clips):
    outputs = model(clips, training=False)
    return {name: value.numpy() for name, value in outputs.items()}


@pytest.mark.parametrize(("backbone", "fields"), CASES)
def test_streams_equal_clip_models_of_every_prefix(backbone, fields):
    """In float64, free of rounding errors, for all outputs and frames."""
    model = float64_twin(random_detector(backbone, **fields))
    config = model.video_config
    clips = random_clips(config, clips=2)
    with float64():
        streaming = to_streaming(model, streams=2)
        prefixes = [
            build_clip_model(config.changed(num_segments=length))
            for length in (1, 2)
        ]
    streamed = stream_outputs(streaming, clips)
    assert set(streamed) == set(OUTPUTS)
    for prefix in (*prefixes, model):
        length = prefix.video_config.clip.num_segments
        if prefix is not model:
            copy_weights(model, prefix)
        expected = outputs_of(prefix, clips[:, :length])
        for name, values in expected.items():
            assert values.dtype == np.float64
            error = relative_error(streamed[name][:, :length], values)
            assert error <= FLOAT64_TOLERANCE
    # The frames differ so much that a wrong one would show.
    for values in expected.values():
        assert relative_error(values[:, 1:], values[:, :-1]) > 1e-2


def test_a_float32_stream_and_a_single_clip_equal_the_clip_model():
    model = random_detector()
    clips = random_clips(model.video_config)
    expected = outputs_of(model, clips)
    exact = outputs_of(float64_twin(model), clips)
    streamed = stream_outputs(to_streaming(model), clips)
    single = to_single_clip(model)({"clip": clips[0]}, training=False)
    for name in OUTPUTS:
        rounding = 8 * relative_error(expected[name], exact[name])
        assert relative_error(streamed[name], expected[name]) <= rounding
        found = single[name].numpy()[None]
        assert relative_error(found, expected[name]) <= rounding


def test_an_earlier_frame_changes_later_outputs_with_the_shift_only():
    clips = random_clips(small_detector_config())
    changed = clips.copy()
    changed[:, 0] = 255 - changed[:, 0]
    for shift, differs in (("causal", True), ("none", False)):
        before, after = (
            outputs_of(random_detector(shift=shift), x)["heatmap"][:, 1]
            for x in (clips, changed)
        )
        assert (np.abs(before - after).max() > 1e-2) == differs


@pytest.mark.parametrize("stride", [4, 16])
def test_outputs_have_the_size_of_the_grid(stride):
    config = small_detector_config(stride=stride, image_size=96)
    assert config.grid == 96 // stride
    model = build_detector_clip_model(config)
    shapes = {name: tuple(x.shape[1:]) for name, x in model.output.items()}
    grid = (4, config.grid, config.grid)
    assert shapes == {
        "heatmap": (*grid, 3),
        "box_size": (*grid, 2),
        "box_offset": (*grid, 2),
    }
    assert model.video_config == config
    # The classifier's last convolution is not computed.
    layers = {layer.name for layer in model.layers}
    assert "head_conv" not in layers
    assert ("detector_pyramid_04_add" in layers) == (stride == 4)
    assert multiply_adds(config) > 0
    # All tensors of what is exported have at most four axes.
    network = build_streaming_model(config)
    assert all(len(x.shape) <= 4 for x in network.output.values())


@pytest.mark.slow
def test_the_description_has_a_row_per_level_and_output():
    model = random_detector()
    rows = dict(
        line.split()[::2]  # The name, and the number of parameters.
        for line in describe(model).splitlines()
        if line.startswith("detector")
    )
    assert {*rows} == {
        *(f"detector_pyramid_{stride}" for stride in ("32", "16", "08")),
        *(f"detector_{output}" for output in OUTPUTS),
    }
    for name, count in rows.items():
        layers = [x for x in model.layers if x.name.startswith(name)]
        assert int(count.replace(",", "")) == sum(
            layer.count_params() for layer in layers
        )


def test_sizes_are_not_negative_and_an_untrained_score_is_a_tenth():
    config = small_detector_config()
    keras.utils.set_random_seed(0)
    outputs = outputs_of(build_clip_model(config), random_clips(config))
    scores = 1 / (1 + np.exp(-outputs["heatmap"]))
    np.testing.assert_allclose(scores.mean(), 0.1, atol=0.03)
    random = outputs_of(random_detector(), random_clips(config))
    assert random["box_size"].min() == 0 < random["box_size"].max()


def test_mixed_precision_never_reaches_the_outputs():
    with precision("mixed_bfloat16"):
        model = build_clip_model(small_detector_config())
    assert {tf.as_dtype(x.dtype) for x in model.output.values()} == {tf.float32}
    streaming = to_streaming(model)
    assert streaming.get_layer("stem_conv").compute_dtype == "float32"


def test_preset_round_trip(tmp_path):
    model = random_detector()
    save_preset(model, tmp_path / "preset", provenance={"data": "balls"})
    text = (tmp_path / "preset" / LABELS_FILE).read_text("utf-8")
    assert text == "ball\nleft\nright\n"
    with precision("mixed_bfloat16"):
        loaded = load_preset(tmp_path / "preset")
    assert loaded.video_config == model.video_config
    clips = random_clips(model.video_config)
    for name, values in outputs_of(model, clips).items():
        np.testing.assert_array_equal(outputs_of(loaded, clips)[name], values)
    assert list(named_weights(loaded)) == list(named_weights(model))


def test_a_preset_of_an_unknown_task_is_refused(tmp_path):
    save_preset(random_detector(), tmp_path / "preset")
    path = tmp_path / "preset" / CONFIG_FILE
    text = path.read_text("utf-8")
    path.write_text(text.replace('"detection"', '"segmentation"', 1), "utf-8")
    with pytest.raises(PresetError, match="`task` must be 'detection'"):
        load_preset(tmp_path / "preset")


@pytest.mark.parametrize(
    "fields",
    [{"shift": "bidirectional"}, {"operator": "mixtconv", "causal": False}],
)
@pytest.mark.parametrize("lookahead", [False, True])
def test_a_detector_that_looks_ahead_does_not_stream(fields, lookahead):
    config = small_detector_config(**fields)
    assert not config.can_stream_late
    with pytest.raises(ValueError, match="Only a causal detector can stream"):
        build_streaming_model(config, lookahead=lookahead)
