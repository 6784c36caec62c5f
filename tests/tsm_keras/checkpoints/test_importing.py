"""import_state_dict loads all tensors or none and reports on each."""

import re

import numpy as np
import pytest

from testing.checkpoint_cases import BY_NAME, CLASSES
from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.importing import import_state_dict

TSM, ONLINE = BY_NAME["tsm_mobilenet_v2"], BY_NAME["tsm_online"]
SMALL = {"image_size": 32}


def do_import(case, tensors=None, **arguments):
    return import_state_dict(
        case.state_dict if tensors is None else tensors,
        name=case.file_name,
        **{**SMALL, **case.asked, **arguments},
    )


def assert_weights(model, case, skip=()):
    """Compares one tensor of each kind with the expected values."""
    tensors = case.state_dict

    def weights(layer):
        return model.get_layer(layer).get_weights()

    kernel = tensors["base_model.features.3.conv.0.net.weight"]
    np.testing.assert_array_equal(
        weights("stage_02_block_01_expand")[0][0, 0], kernel[:, :, 0, 0].T
    )
    kernel = tensors["base_model.features.3.conv.3.weight"]
    np.testing.assert_array_equal(
        weights("stage_02_block_01_depthwise")[0][2, 1, :, 0],
        kernel[:, 0, 2, 1],
    )
    norm = "base_model.features.18.1."
    for value, name in zip(
        weights("head_bn"),
        ("weight", "bias", "running_mean", "running_var"),
        strict=True,
    ):
        np.testing.assert_array_equal(value, tensors[norm + name])
    if "classifier" not in skip:
        np.testing.assert_array_equal(
            weights("classifier")[0], tensors["new_fc.weight"].T
        )


def test_every_tensor_is_accounted_for():
    tensors = TSM.state_dict | {
        "base_model.features.0.1.num_batches_tracked": np.array(5)
    }
    model, report = do_import(TSM, tensors)
    assert_weights(model, TSM)
    loaded = [tensor.key for tensor in report.loaded]
    assert len(loaded) == len(set(loaded)) == len(TSM.state_dict)
    assert {*loaded, *report.ignored} == set(tensors)
    assert set(report.ignored) == {
        "base_model.features.0.1.num_batches_tracked"
    }
    held = sum(int(np.prod(tensor.shape)) for tensor in report.loaded)
    assert held == sum(weight.numpy().size for weight in model.weights)
    text = report.to_text()
    assert re.search(r"shift +bidirectional +the file's name", text)
    assert re.search(r"\n +17  C1HW -> HWC1\n", text)
    assert re.search(r"\n +1  OI -> IO\n", text)
    assert "classifier: new" not in text
    every = report.to_text(every_tensor=True)
    assert "new_fc.weight [11, 1280] -> classifier[0], OI -> IO" in every
    assert "num_batches_tracked: counts training steps" in every


def test_prefix_of_parallel_training_and_a_classifier_in_the_backbone():
    """Networks trained without dropout keep their classifier's name."""
    tensors = {
        "module." + name.replace("new_fc.", "base_model.classifier."): tensor
        for name, tensor in TSM.state_dict.items()
    }
    model, report = do_import(TSM, tensors)
    assert_weights(model, TSM)
    assert len(report.renamed) == 2
    assert "read without the prefix `module.`" in report.to_text()


def test_half_precision_is_widened():
    tensors = {
        name: tensor.astype(np.float16)
        for name, tensor in TSM.state_dict.items()
    }
    model, _ = do_import(TSM, tensors)
    np.testing.assert_array_equal(
        model.get_layer("classifier").get_weights()[0],
        tensors["new_fc.weight"].T.astype(np.float32),
    )


def test_other_classes_replace_the_classifier_only():
    model, report = do_import(TSM, num_classes=5)
    assert_weights(model, TSM, skip="classifier")
    kernel, bias = model.get_layer("classifier").get_weights()
    assert kernel.shape == (1280, 5)
    assert 0 < np.abs(kernel).max() < 0.01
    np.testing.assert_array_equal(bias, 0)
    assert set(report.ignored) == {"new_fc.weight", "new_fc.bias"}
    assert "classifier: new (5 classes)" in report.to_text()


def test_without_a_classifier_classes_are_asked_for():
    tensors = {
        name: tensor
        for name, tensor in TSM.state_dict.items()
        if "new_fc" not in name
    }
    with pytest.raises(CheckpointError, match="--classes"):
        do_import(TSM, tensors)
    model, report = do_import(TSM, tensors, num_classes=CLASSES)
    assert_weights(model, TSM, skip="classifier")
    assert report.ignored == {}
    assert f"classifier: new ({CLASSES} classes)" in report.to_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"extra.weight": np.zeros(3)}, "1 left over: extra.weight"),
        (
            {"new_fc.bias": np.zeros(3)},
            r"1 of another shape: new_fc.bias \(3,\) for \(11,\)",
        ),
        ({"new_fc.weight": np.float32(0)}, r"two axes. Received: shape \(\)"),
        ({"base_model.features.5.conv.6.weight": None}, "all of its blocks"),
        (
            {"base_model.features.5.conv.3.weight": None},
            "1 missing: base_model.features.5.conv.3.weight",
        ),
        (
            {"new_fc.bias": np.full(CLASSES, np.nan)},
            "finite.*infinity in classifier",
        ),
    ],
    ids=["left_over", "shape", "scalar", "block", "missing", "nan"],
)
def test_what_does_not_fit_is_named(change, message):
    tensors = {
        name: tensor
        for name, tensor in {**TSM.state_dict, **change}.items()
        if tensor is not None
    }
    with pytest.raises(CheckpointError, match=message):
        do_import(TSM, tensors)


def test_a_shift_in_the_wrong_place_is_left_over():
    """An example is a ResNet-101 with a shift in every block."""
    tensors = {
        name.replace("features.2.conv.0.", "features.2.conv.0.net."): tensor
        for name, tensor in TSM.state_dict.items()
    }
    with pytest.raises(CheckpointError, match=r"1 missing.*1 left over.*\.net"):
        do_import(TSM, tensors)


def test_long_lists_are_cut():
    extra = {f"extra.{index}": np.zeros(1) for index in range(99)}
    with pytest.raises(CheckpointError, match=r"99 left over.*, \.\.\.$"):
        do_import(TSM, TSM.state_dict | extra)


@pytest.mark.parametrize(
    ("case", "shift", "reason"),
    [
        (TSM, "causal", "come from the next frame.*second fold"),
        (TSM, "none", "would not be shifted"),
        (ONLINE, "bidirectional", "come from the previous frame"),
        (BY_NAME["tsn_mobilenet_v2"], "causal", "no channel was trained"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_weights_of_another_shift_are_refused_with_the_reason(
    case, shift, reason
):
    with pytest.raises(CheckpointError, match=reason) as refusal:
        do_import(case, shift=shift)
    assert "--force" in str(refusal.value)


@pytest.mark.parametrize("shift", ["causal", "none"])
def test_another_shift_can_be_forced_and_is_said(shift):
    model, report = do_import(TSM, shift=shift, force=True)
    assert model.video_config.temporal.shift == shift
    assert_weights(model, TSM)
    assert len(report.loaded) == len(TSM.state_dict)
    assert report.forced_shift == "bidirectional"
    assert "WARNING: weights of shift='bidirectional'" in report.to_text()


def test_in_place_shifts_can_be_forced_away():
    case = BY_NAME["tsm_resnet18_in_place"]
    _, report = do_import(case, shift="none", force=True)
    assert len(report.loaded) == len(case.state_dict)


def test_what_is_asked_must_be_a_field():
    with pytest.raises(ValueError, match=r"Received: \['segments'\]"):
        do_import(TSM, segments=8)
    with pytest.raises(ValueError, match="`shift` must be one of"):
        do_import(TSM, shift="both", force=True)
    with pytest.raises(ValueError, match="`labels` must be num_classes=11"):
        do_import(TSM, labels=("a", "b"))


def test_a_network_that_the_family_does_not_have():
    with pytest.raises(CheckpointError, match="tsm_online have no name"):
        do_import(ONLINE, backbone="resnet50")
