"""Exports: names of the original code, and a round trip without a loss."""

import numpy as np
import pytest

from testing.checkpoint_cases import BY_NAME, CLASSES
from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.exporting import export_state_dict, write_safetensors
from tsm_keras.checkpoints.files import read_checkpoint
from tsm_keras.checkpoints.importing import import_state_dict
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig

pytest.importorskip("safetensors")

FLOW = {
    "input_channels": 10,
    "pixel_mean": (127.5,) * 10,
    "pixel_std": (57.63,) * 10,
}


def build(**fields):
    config = VideoClassifierConfig(
        **{
            "num_classes": CLASSES,
            "num_segments": 2,
            "image_size": 32,
            **fields,
        }
    )
    model = build_clip_model(config)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        weights = layer.get_weights()
        layer.set_weights([rng.normal(size=w.shape) for w in weights])
    return model


@pytest.mark.parametrize(
    ("case", "fields"),
    [
        ("tsm_mobilenet_v2", {}),
        ("tsn_mobilenet_v2", {"shift": "none"}),
        ("tsm_online", {"shift": "causal"}),
        ("tsm_resnet18", {"backbone": "resnet18"}),
        (
            "tsm_resnet18_in_place",
            {"backbone": "resnet18", "placement": "inplace"},
        ),
        ("tsm_resnet50_flow", {"backbone": "resnet50", **FLOW}),
        (
            "tsm_resnet50_non_local",
            {"backbone": "resnet50", "non_local": True},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_round_trip(case, fields, tmp_path):
    """Names and shapes are the original's, and an import needs no arguments."""
    model = build(**fields)
    path = tmp_path / "weights.safetensors"
    count = write_safetensors(model, path, dataset="mine")
    checkpoint = read_checkpoint(path)
    assert {
        name: tensor.shape for name, tensor in checkpoint.tensors.items()
    } == BY_NAME[case].shapes
    assert count == len(checkpoint.tensors)
    revived, report = import_state_dict(
        checkpoint.tensors, metadata=checkpoint.metadata
    )
    assert revived.video_config == model.video_config
    assert report.dataset == "mine"
    assert len(report.loaded) == count and not report.ignored
    for weight, expected in zip(revived.weights, model.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), expected.numpy())
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stride_padding": "same"}, "Received: stride_padding='same'"),
        ({"batch_norm_epsilon": 1e-3}, "Received: batch_norm_epsilon=0.001"),
        ({"placement": "inplace"}, "no in-place shift"),
        ({"width": 0.5}, "Received: width=0.5"),
        (
            {"shift": "causal", "shift_div": 4},
            "only causal network.*Received: .*shift_div=4",
        ),
        (
            {"shift": "causal", "backbone": "resnet18"},
            "only causal network.*Received: .*'resnet18'",
        ),
    ],
)
def test_refuses_networks_that_pytorch_would_compute_differently(
    fields, message, tmp_path
):
    model = build(**fields)
    with pytest.raises(CheckpointError, match=message):
        export_state_dict(model)
    with pytest.raises(CheckpointError, match=message):
        write_safetensors(model, tmp_path / "weights.safetensors")
    assert not list(tmp_path.iterdir())


def test_refuses_another_suffix(tmp_path):
    with pytest.raises(CheckpointError, match="end in .safetensors. Received"):
        write_safetensors(build(shift="none"), tmp_path / "weights.pth")
