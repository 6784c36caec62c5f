"""The published checkpoints: their URLs, accuracies and hashes.

Accuracies are those of the publishers: the READMEs of
mit-han-lab/temporal-shift-module (commit 1f6a834) and open-mmlab/mmaction2
(v1.2, configs/recognition/tsm and tsn), the descriptions of the weights in
torchvision 0.16, and results/results-imagenet.csv of timm. A hash is the start
of the file's SHA-256, which mmaction2, torchvision and timm put into the name
of the file; the TSM authors publish no hashes. This project has downloaded none
of these files, because it was written without access to them; `tsm presets`
says so.
"""

import dataclasses
import os
import pathlib

from tsm_keras.checkpoints.conventions import read_file_name
from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.file_hash import file_sha256

_HAN_LAB = "https://hanlab18.mit.edu/projects/tsm/models/"
_OPEN_MMLAB = "https://download.openmmlab.com/mmaction/v1.0/recognition/"
_PYTORCH = "https://download.pytorch.org/models/"
_TIMM = (
    "https://github.com/rwightman/pytorch-image-models/releases/download/"
    "v0.1-weights/"
)

_APACHE = "Apache-2.0"

_DENSE = "10 dense clips x 3 crops, 256x256"
_CENTER = "1 clip, center crop"
_FULL_2 = "2 clips x 3 crops, 256x256"
_IMAGE = "center crop"

# Fields that some file names do not state, each with the flag to give it.
_ANSWERS = {"shift": "--shift=SHIFT", "num_segments": "--segments=FRAMES"}


@dataclasses.dataclass(frozen=True)
class PublishedCheckpoint:
    """A published checkpoint.

    Attributes:
        url: The URL of the file.
        dataset: The name of the data set that it was trained on.
        top1: The published top-1 accuracy in percent; None if none was
            published.
        protocol: The views that this accuracy was measured with.
        license: The license of the code that it was published with. The
            training data may have terms of their own.
        sha256: The first digits of the file's SHA-256; empty if unknown.
        downloaded: Whether this project ever downloaded and imported it.
    """

    url: str
    dataset: str
    top1: float | None
    protocol: str
    license: str
    sha256: str = ""
    downloaded: bool = False

    @property
    def file_name(self) -> str:
        """The last part of the URL."""
        return self.url.rpartition("/")[2]

    @property
    def name(self) -> str:
        """The file name without its suffix, which `import-weights` takes."""
        return self.file_name.removesuffix(".tar").removesuffix(".pth")

    @property
    def unstated(self) -> tuple[str, ...]:
        """The fields of the config that must be given to an import."""
        stated = read_file_name(self.file_name)
        return tuple(field for field in _ANSWERS if field not in stated)


def _tsm(file_name, dataset, top1, protocol):
    return PublishedCheckpoint(
        _HAN_LAB + file_name, dataset, top1, protocol, "MIT"
    )


def _mmaction2(stem, file_hash, dataset, top1, protocol):
    kind, config = stem[:3], stem.rpartition("_")[0]
    return PublishedCheckpoint(
        f"{_OPEN_MMLAB}{kind}/{config}/{stem}-{file_hash}.pth",
        dataset,
        top1,
        protocol,
        _APACHE,
        file_hash,
    )


def _hashed(base, file_name, top1, license_name):
    return PublishedCheckpoint(
        base + file_name,
        "ImageNet",
        top1,
        _IMAGE,
        license_name,
        file_name.removesuffix(".pth").rpartition("-")[2],
    )


_K400, _V1, _V2 = "Kinetics-400", "Something-V1", "Something-V2"
_R50, _R101 = "resnet50_shift8_blockres", "resnet101_shift8_blockres"

PUBLISHED = (
    # file, data set, top-1, protocol
    _tsm("TSM_kinetics_RGB_resnet50_avg_segment5_e50.pth", _K400, 70.6, _DENSE),
    _tsm(f"TSM_kinetics_RGB_{_R50}_avg_segment8_e50.pth", _K400, 71.2, _CENTER),
    _tsm(
        f"TSM_kinetics_RGB_{_R50}_avg_segment16_e50.pth", _K400, 72.6, _CENTER
    ),
    _tsm(
        f"TSM_kinetics_RGB_{_R50}_avg_segment8_e100_dense.pth",
        _K400,
        74.1,
        _DENSE,
    ),
    _tsm(
        f"TSM_kinetics_RGB_{_R50}_avg_segment8_e100_dense_nl.pth",
        _K400,
        75.6,
        _DENSE,
    ),
    _tsm(
        "TSM_kinetics_RGB_mobilenetv2_shift8_blockres_avg_segment8_e100_dense"
        ".pth",
        _K400,
        69.5,
        _DENSE,
    ),
    _tsm(
        f"TSM_kinetics_Flow_{_R50}_avg_segment8_e50.pth", _K400, 55.7, _CENTER
    ),
    _tsm(f"TSM_something_RGB_{_R50}_avg_segment8_e45.pth", _V1, 45.6, _CENTER),
    _tsm(f"TSM_something_RGB_{_R50}_avg_segment16_e45.pth", _V1, 47.2, _CENTER),
    _tsm(f"TSM_something_RGB_{_R101}_avg_segment8_e45.pth", _V1, 46.9, _CENTER),
    _tsm(
        f"TSM_somethingv2_RGB_{_R50}_avg_segment8_e45.pth", _V2, 61.2, _FULL_2
    ),
    _tsm(
        f"TSM_somethingv2_RGB_{_R50}_avg_segment16_e45.pth", _V2, 63.1, _FULL_2
    ),
    _tsm(
        f"TSM_somethingv2_RGB_{_R101}_avg_segment8_e45.pth", _V2, 63.3, _FULL_2
    ),
    _tsm("mobilenetv2_jester_online.pth.tar", "Jester", None, "not stated"),
    _mmaction2(
        "tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb_20220831",
        "64d69186",
        _K400,
        73.18,
        "1 clip x 10 crops",
    ),
    _mmaction2(
        "tsm_imagenet-pretrained-r50_8xb16-1x1x8-100e_kinetics400-rgb_20220831",
        "a6db1e5d",
        _K400,
        73.22,
        "1 clip x 10 crops",
    ),
    _mmaction2(
        "tsm_imagenet-pretrained-r50_8xb16-1x1x16-50e_kinetics400-rgb_20220831",
        "042b1748",
        _K400,
        75.12,
        "1 clip x 10 crops",
    ),
    _mmaction2(
        "tsm_imagenet-pretrained-r50_8xb16-dense-1x1x8-50e_kinetics400-rgb"
        "_20220831",
        "f55d3c2b",
        _K400,
        73.38,
        "1 clip x 10 crops",
    ),
    _mmaction2(
        "tsm_imagenet-pretrained-r50-nl-embedded-gaussian_8xb16-1x1x8-50e_"
        "kinetics400-rgb_20220831",
        "35eddb57",
        _K400,
        74.34,
        "1 clip x 10 crops",
    ),
    _mmaction2(
        "tsm_imagenet-pretrained-mobilenetv2_8xb16-1x1x8-100e_kinetics400-rgb"
        "_20230414",
        "401127fd",
        _K400,
        68.71,
        "1 clip x 3 crops",
    ),
    _mmaction2(
        "tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_sthv2-rgb_20230317",
        "be0fc26e",
        _V2,
        62.72,
        "1 clip x 3 crops",
    ),
    _mmaction2(
        "tsm_imagenet-pretrained-r50_8xb16-1x1x16-50e_sthv2-rgb_20230317",
        "ec6696ad",
        _V2,
        64.16,
        "1 clip x 3 crops",
    ),
    _mmaction2(
        "tsm_imagenet-pretrained-r101_8xb16-1x1x8-50e_sthv2-rgb_20230320",
        "efcc0d1b",
        _V2,
        63.70,
        "1 clip x 3 crops",
    ),
    _mmaction2(
        "tsn_imagenet-pretrained-r50_8xb32-1x1x8-100e_kinetics400-rgb_20220906",
        "2692d16c",
        _K400,
        74.12,
        "25 frames x 10 crops",
    ),
    _mmaction2(
        "tsn_imagenet-pretrained-r101_8xb32-1x1x8-100e_kinetics400-rgb"
        "_20220906",
        "23cff032",
        _K400,
        75.89,
        "25 frames x 10 crops",
    ),
    # ImageNet weights to start training from.
    _hashed(_PYTORCH, "resnet18-f37072fd.pth", 69.758, "BSD-3-Clause"),
    _hashed(_PYTORCH, "resnet34-b627a593.pth", 73.314, "BSD-3-Clause"),
    _hashed(_PYTORCH, "resnet50-0676ba61.pth", 76.130, "BSD-3-Clause"),
    _hashed(_PYTORCH, "resnet50-11ad3fa6.pth", 80.858, "BSD-3-Clause"),
    _hashed(_PYTORCH, "resnet101-63fe2227.pth", 77.374, "BSD-3-Clause"),
    _hashed(_PYTORCH, "resnet101-cd907fc2.pth", 81.886, "BSD-3-Clause"),
    _hashed(_PYTORCH, "mobilenet_v2-b0353104.pth", 71.878, "BSD-3-Clause"),
    _hashed(_PYTORCH, "mobilenet_v2-7ebf99e0.pth", 72.154, "BSD-3-Clause"),
    _hashed(_TIMM, "mobilenetv2_100_ra-b33bc2c4.pth", 72.910, _APACHE),
    _hashed(_TIMM, "mobilenetv3_large_100_ra-f55367f5.pth", 75.784, _APACHE),
    _hashed(_TIMM, "mobilenetv3_small_100_lamb-266a294c.pth", 67.636, _APACHE),
    _hashed(_TIMM, "efficientnet_lite0_ra-37913777.pth", 75.488, _APACHE),
    _hashed(_TIMM, "tf_efficientnet_lite0-0aa007d2.pth", 74.846, _APACHE),
    _hashed(_TIMM, "tf_efficientnet_lite1-bde8b488.pth", 76.674, _APACHE),
    _hashed(_TIMM, "tf_efficientnet_lite2-dcccb7df.pth", 77.470, _APACHE),
    _hashed(_TIMM, "tf_efficientnet_lite3-b733e338.pth", 79.808, _APACHE),
    _hashed(_TIMM, "tf_efficientnet_lite4-741542c3.pth", 81.540, _APACHE),
)


def find_published(name: str) -> PublishedCheckpoint | None:
    """Returns the published checkpoint of this name, or None."""
    for checkpoint in PUBLISHED:
        if name in (checkpoint.name, checkpoint.file_name):
            return checkpoint
    return None


def download(
    checkpoint: PublishedCheckpoint, folder: str | os.PathLike | None = None
) -> pathlib.Path:
    """Downloads a published checkpoint, unless it was downloaded before.

    Args:
        checkpoint: One of `PUBLISHED`.
        folder: The folder to keep the file in; None for `~/.keras/tsm_keras`.

    Returns:
        The path of the file.

    Raises:
        OSError: If the download fails; the message says what to do instead.
        CheckpointError: If the file does not have the published hash.
    """
    # TensorFlow is imported here, so that listing the table is fast.
    from tensorflow import keras

    place = {"cache_subdir": "tsm_keras"}
    if folder is not None:
        # If the folder did not exist, get_file would silently use another.
        os.makedirs(folder, exist_ok=True)
        place = {"cache_dir": os.fspath(folder), "cache_subdir": ""}
    try:
        path = keras.utils.get_file(
            checkpoint.file_name, checkpoint.url, **place
        )
    except Exception as error:  # get_file raises a bare Exception.
        flags = "".join(f" {_ANSWERS[field]}" for field in checkpoint.unstated)
        raise OSError(
            f"{checkpoint.file_name} could not be downloaded. Download "
            f"{checkpoint.url} on a machine with access, copy it here, and run "
            f"tsm import-weights {checkpoint.file_name} --to=PRESET{flags} "
            "(keep the name of the file, which describes the network). "
            f"Received: {error}"
        ) from error
    path = pathlib.Path(path)
    found = file_sha256(path)
    if not found.startswith(checkpoint.sha256):
        path.unlink()
        raise CheckpointError(
            f"{path} is not the published file and was removed. Try again. Its "
            f"SHA-256 must start with {checkpoint.sha256}. Received: {found}"
        )
    return path
