"""Clip models: who sees which frame, and what else users rely on."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing import temporal_shift as oracle
from testing.models import (
    in_both_precisions,
    logits_of,
    random_clip_model,
    random_clips,
    randomize,
    small_config,
)
from testing.numerics import relative_error
from tsm_keras.models.clip import build_clip_model, with_frame_logits

BACKBONES = ("mobilenet_v2", "resnet18")
UNCHANGED, CHANGED = 1e-6, 1e-3


def perturb(clips, frame):
    """The same clips with another picture as this frame."""
    clips = clips.copy()
    clips[:, frame] = 255 - clips[:, frame]
    return clips


def changed_frames(model, clips, frame):
    """Returns how much each frame's logits change with this frame."""
    before, after = (
        logits_of(model, x)[1] for x in (clips, perturb(clips, frame))
    )
    return np.abs(after - before).max(axis=(0, 2)) / np.abs(before).max()


@pytest.mark.parametrize("placement", ["residual", "inplace"])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_causal_logits_see_no_later_frame(backbone, placement):
    model = random_clip_model(backbone, placement=placement)
    clips = random_clips(small_config(backbone))
    for frame in range(4):
        change = changed_frames(model, clips, frame)
        assert (change[:frame] <= UNCHANGED).all()
        assert (change[frame:] > CHANGED).all()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_bidirectional_logits_see_later_frames(backbone):
    """So the test above can fail."""
    model = random_clip_model(backbone, shift="bidirectional")
    change = changed_frames(model, random_clips(small_config(backbone)), 3)
    assert (change > CHANGED).all()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_tsn_logits_see_their_own_frame_only(backbone):
    model = random_clip_model(backbone, shift="none")
    change = changed_frames(model, random_clips(small_config(backbone)), 1)
    assert (np.delete(change, 1) <= UNCHANGED).all()
    assert change[1] > CHANGED


def test_each_mark_shows_one_more_frame_to_either_side():
    """After k marks, frame t has reached the frames t - k to t + k."""
    fields = {
        "shift": "bidirectional",
        "shift_div": 4,  # So that what arrives last is not too faint.
        "num_segments": 23,
        "image_size": 32,
    }
    model = random_clip_model(**fields)
    clips = random_clips(small_config(**fields))
    marks = [layer for layer in model.layers if "_shift" in layer.name]
    assert len(marks) == 10
    probe = keras.Model(model.inputs[0], [mark.output for mark in marks])
    outputs = (probe(x, training=False) for x in (clips, perturb(clips, 11)))
    for seen, (before, after) in enumerate(zip(*outputs, strict=True), 1):
        change = np.abs(after.numpy() - before.numpy()).max(axis=(1, 2, 3))
        reached = np.flatnonzero(change > 1e-6 * np.abs(before).max())
        assert reached.tolist() == list(range(11 - seen, 11 + seen + 1))


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize(
    ("shift", "blind"),
    [("none", True), ("causal", False), ("bidirectional", False)],
)
def test_only_tsn_is_blind_to_the_order_of_frames(backbone, shift, blind):
    model = random_clip_model(backbone, shift=shift)
    clips = random_clips(small_config(backbone), clips=2)
    for network, tolerance in in_both_precisions(model, clips):
        ordered, _ = logits_of(network, clips)
        permuted, _ = logits_of(network, clips[:, [2, 0, 3, 1]])
        error = relative_error(permuted, ordered)
        if blind:
            assert error <= tolerance
        else:
            assert error > max(CHANGED, 100 * tolerance)


def test_clips_of_a_batch_do_not_mix():
    model = random_clip_model(shift="bidirectional")
    clips = random_clips(small_config(), clips=3)
    for network, tolerance in in_both_precisions(model, clips):
        together, _ = logits_of(network, clips)
        for index in range(3):
            alone, _ = logits_of(network, clips[index : index + 1])
            assert relative_error(alone[0], together[index]) <= tolerance


def test_placements_give_different_logits():
    residual, inplace = (
        random_clip_model(placement=placement)
        for placement in ("residual", "inplace")
    )
    clips = random_clips(small_config())
    error = relative_error(
        logits_of(residual, clips)[0], logits_of(inplace, clips)[0]
    )
    assert error > CHANGED


@pytest.mark.parametrize(
    ("backbone", "mark", "branch_end", "block_end"),
    [
        (
            "mobilenet_v2",
            "stage_02_block_01",
            "stage_02_block_01_project_bn",
            "stage_02_block_01_add",
        ),
        *(
            (
                "resnet18",
                f"stage_{stage:02d}_block_{block:02d}",
                f"stage_{stage:02d}_block_{block:02d}_bn_2",
                f"stage_{stage:02d}_block_{block:02d}_add",
            )
            for stage, block in ((1, 0), (2, 1))
        ),
    ],
)
@pytest.mark.parametrize("shift", ["causal", "bidirectional"])
@pytest.mark.parametrize("placement", ["residual", "inplace"])
def test_identity_path_takes_the_shifted_tensor_in_place_only(
    backbone, mark, branch_end, block_end, shift, placement
):
    model = random_clip_model(backbone, shift=shift, placement=placement)
    config = small_config(backbone)
    names = (f"{mark}_time_shift", branch_end, block_end)
    tensors = [model.get_layer(names[0]).input]
    tensors += [model.get_layer(name).output for name in names]
    probe = keras.Model(model.inputs[0], tensors)
    inputs, shifted, branch, outputs = (
        tensor.numpy() for tensor in probe(random_clips(config, clips=2))
    )
    clips = inputs.reshape(2, config.clip.num_segments, *inputs.shape[1:])
    expected = oracle.fold_clips(oracle.shift(clips, 8, shift))
    np.testing.assert_array_equal(shifted, expected)
    identity = expected if placement == "inplace" else inputs
    assert relative_error(outputs, identity + branch) <= 1e-6
    other = inputs if placement == "inplace" else expected
    assert relative_error(outputs, other + branch) > CHANGED


def test_shortcut_convolution_takes_the_shifted_tensor_in_place_only():
    """Where the block changes its shape."""
    for placement, source in (("residual", "input"), ("inplace", "output")):
        model = random_clip_model("resnet18", placement=placement)
        shift = model.get_layer("stage_02_block_00_time_shift")
        shortcut = (
            model.get_layer("stage_02_block_00_downsample_conv_pad")
            if (
                "stage_02_block_00_downsample_conv_pad"
                in [layer.name for layer in model.layers]
            )
            else model.get_layer("stage_02_block_00_downsample_conv")
        )
        assert shortcut.input is getattr(shift, source)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64", "int32"])
def test_pixels_of_any_type_give_equal_logits(dtype):
    model = random_clip_model()
    clips = random_clips(small_config())
    expected, expected_frames = logits_of(model, clips)
    logits, frame_logits = logits_of(model, clips.astype(dtype))
    np.testing.assert_array_equal(logits, expected)
    np.testing.assert_array_equal(frame_logits, expected_frames)


def test_pixels_are_normalised_inside():
    model = random_clip_model(pixel_mean=(1, 2, 3), pixel_std=(4, 5, 6))
    clips = random_clips(small_config())
    probe = keras.Model(model.inputs[0], model.get_layer("normalize").output)
    expected = (oracle.fold_clips(clips) - [1, 2, 3]) / [4, 5, 6]
    assert relative_error(probe(clips), expected) <= 1e-6


def test_clip_logits_are_the_mean_of_the_frames():
    model = random_clip_model()
    logits, frame_logits = logits_of(model, random_clips(small_config(), 3))
    assert logits.shape == (3, 7)
    assert frame_logits.shape == (3, 4, 7)
    assert logits.dtype == frame_logits.dtype == np.float32
    assert relative_error(logits, frame_logits.mean(axis=1)) <= 1e-5
    assert relative_error(frame_logits[:, 0], frame_logits[:, 1]) > CHANGED


def test_logits_are_float32_under_mixed_precision():
    """Those of the frames too, and they are not rounded on the way."""
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = build_clip_model(small_config(), return_frame_logits=True)
    finally:
        keras.mixed_precision.set_global_policy(policy)
    randomize(model, seed=0)
    _, frame_logits = logits_of(model, random_clips(small_config()))
    assert frame_logits.dtype == np.float32
    rounded = tf.cast(tf.cast(frame_logits, tf.bfloat16), tf.float32)
    assert (rounded.numpy() != frame_logits).any()


def test_frame_logits_are_an_extra_output():
    """Without them the model returns the same logits, bare."""
    config = small_config()
    bare = build_clip_model(config)
    randomize(bare, seed=0)
    clips = random_clips(config)
    logits, frame_logits = logits_of(random_clip_model(), clips)
    np.testing.assert_array_equal(bare(clips, training=False), logits)
    extended = with_frame_logits(bare)
    extended_logits, extended_frame_logits = logits_of(extended, clips)
    np.testing.assert_array_equal(extended_logits, logits)
    np.testing.assert_array_equal(extended_frame_logits, frame_logits)
    assert extended.get_layer("classifier") is bare.get_layer("classifier")


def test_model_carries_its_config():
    config = small_config()
    assert random_clip_model().video_config == config


@pytest.mark.slow
def test_trains():
    """Loss falls on two clips of the same frames in opposite order."""
    keras.utils.set_random_seed(0)
    config = small_config(
        num_classes=2, shift="bidirectional", image_size=32, dropout=0.0
    )
    model = build_clip_model(config)
    clips = random_clips(config)
    clips = np.concatenate([clips, clips[:, ::-1]])
    labels = np.array([0, 1])
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    history = model.fit(
        clips, labels, batch_size=2, epochs=25, shuffle=False, verbose=0
    )
    losses = history.history["loss"]
    assert losses[0] == pytest.approx(np.log(2), abs=0.1)
    assert losses[-1] < 0.1


def test_refuses_a_fold_of_zero():
    with pytest.raises(ValueError, match="zero.*Received: channels=8"):
        build_clip_model(small_config(shift_div=16))
