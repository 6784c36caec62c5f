"""Recipes: named settings of training, from papers and of our own.

Each recipe is a function without arguments that returns plain data. Its
docstring has the command, the accuracy to expect and the source of this figure:
"paper" is Lin, Gan, Han, ICCV 2019 (section 5.1 and the tables named), and
"repository" is the README of mit-han-lab/temporal-shift-module.
"""

import dataclasses
import difflib
from collections.abc import Callable

from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.models.backbones.x3d import X3D_NETWORKS
from tsm_keras.training.config import Recipe, TrainingConfig

_RESNET = {"backbone": "resnet50", "num_segments": 8, "dropout": 0.5}
_REFERENCE = TrainingConfig(
    epochs=50,
    batch_size=64,
    optimizer="sgd",
    learning_rate=0.01,
    rate_batch_size=64,
    schedule="step",
    step_epochs=(20, 40),
    warmup=0.0,
    weight_decay=1e-4,
    bias_rate=2.0,
    classifier_rate=5.0,
    clip_norm=20.0,
)
_CROP = AugmentationConfig(crop="multi_scale")
_CROP_AND_FLIP = AugmentationConfig(crop="multi_scale", flip=True)


def default() -> Recipe:
    """AdamW with a cosine schedule, for small networks from scratch.

    tsm train --data=DATA --to=PRESET

    `tsm quickstart` also uses AdamW with a cosine schedule, on generated
    gestures, where a network without shift cannot exceed 58.3%
    (docs/performance.md).
    """
    return Recipe()


def kinetics_8f() -> Recipe:
    """ResNet-50 on Kinetics-400, 8 frames spread over the video.

    tsm train --recipe=kinetics_8f --data=kinetics400 --init=resnet50.pth
    --to=PRESET

    resnet50.pth has ImageNet weights of torchvision or timm. Top-1 is 71.2%
    with one centre crop, 72.8% with 10 crops (repository, uniform sampling).
    """
    training = dataclasses.replace(
        _REFERENCE, batch_size=128, learning_rate=0.02, rate_batch_size=128
    )
    return Recipe(
        training, _RESNET, augmentation=_CROP_AND_FLIP, start="imagenet"
    )


def mobilenet_v2_kinetics() -> Recipe:
    """MobileNetV2 on Kinetics-400, 8 frames of dense windows.

    tsm train --recipe=mobilenet_v2_kinetics --data=kinetics400 --to=PRESET

    Training starts from the ImageNet weights of keras.applications. Top-1 is
    69.5% with 10 clips per video at full resolution (repository, dense
    sampling).
    """
    training = dataclasses.replace(
        kinetics_8f().training,
        epochs=100,
        step_epochs=(40, 80),
        weight_decay=4e-5,
    )
    return Recipe(
        training,
        {"backbone": "mobilenet_v2", "num_segments": 8, "dropout": 0.5},
        SamplingConfig("dense"),
        _CROP_AND_FLIP,
        start="imagenet",
    )


def something_v1() -> Recipe:
    """ResNet-50 on Something-Something V1, 8 frames.

    tsm train --recipe=something_v1 --data=something_v1 --init=resnet50.pth
    --to=PRESET

    Top-1 is 45.6% with one centre crop, 47.2% with two clips at full resolution
    (repository). Clips are not mirrored, because classes name left and right.
    --flip mirrors clips and swaps their classes if the data set has flip pairs.
    """
    return Recipe(_REFERENCE, _RESNET, augmentation=_CROP, start="imagenet")


def something_v2() -> Recipe:
    """ResNet-50 on Something-Something V2, 8 frames; settings as for V1.

    tsm train --recipe=something_v2 --data=something_v2 --init=resnet50.pth
    --to=PRESET

    Top-1 is 61.2% with two clips at full resolution (repository).
    """
    return something_v1()


def jester() -> Recipe:
    """ResNet-50 on Jester, 8 frames; settings as for Something-Something.

    tsm train --recipe=jester --data=jester --init=resnet50.pth --to=PRESET

    Top-1 is 97.0% (paper, table 2).
    """
    return something_v1()


def ucf101_finetune() -> Recipe:
    """Fine-tunes a ResNet-50 of Kinetics on UCF101.

    tsm train --recipe=ucf101_finetune --data=ucf101 --init=KINETICS_PRESET
    --to=PRESET

    Top-1 is 95.9% (paper, table 2). The authors' script does not set the weight
    decay, so it is the default of their code, 5e-4.
    """
    training = dataclasses.replace(
        _REFERENCE,
        epochs=25,
        learning_rate=0.001,
        step_epochs=(10, 20),
        weight_decay=5e-4,
        batch_norm="partial",
    )
    return Recipe(
        training,
        {**_RESNET, "dropout": 0.8},
        augmentation=_CROP_AND_FLIP,
        start="kinetics",
    )


def hmdb51_finetune() -> Recipe:
    """Fine-tunes a ResNet-50 of Kinetics on HMDB51; settings as for UCF101.

    tsm train --recipe=hmdb51_finetune --data=hmdb51 --init=KINETICS_PRESET
    --to=PRESET

    Top-1 is 73.5% (paper, table 2).
    """
    return ucf101_finetune()


def finetune_small() -> Recipe:
    """Fine-tunes a trained network on a few hundred clips of your own.

    tsm train --data=DATA --init=PRESET --to=MINE

    This is the usual recipe with --init or --pretrained=imagenet. It is our
    own. From ImageNet weights, a causal EfficientNet-Lite0 of 96 pixels reached
    88.3% top-1 (mean of three seeds) on 80 clips of four actions after all
    epochs with 213 others (docs/ablations.md). There, its shift is in the last
    two stages (`late_stages`).
    """
    return Recipe(
        TrainingConfig(
            epochs=30, learning_rate=1e-3, label_smoothing=0.1, patience=10
        ),
        {"dropout": 0.2},
        start="preset",
    )


def quantization_aware() -> Recipe:
    """Fine-tunes a trained network quantization-aware.

    tsm train --data=DATA --qat --init=PRESET --to=PRESET_FOR_INT8

    This is the usual recipe with --qat: `default` with a tenth of its learning
    rate, because the network is trained already.
    """
    return Recipe(TrainingConfig(learning_rate=2e-4), start="preset")


def online() -> Recipe:
    """Causal MobileNetV2 for streams, as in the authors' online demo.

    tsm train --recipe=online --data=jester --to=PRESET

    The causal shift takes channels from earlier frames only, so a prediction
    needs no later frame. The paper has figures for ResNet-50
    (--backbone=resnet50), in its table of online recognition: 46.3% on
    Something-Something V1, 1.0 below the bidirectional shift, and 74.3% on
    Kinetics, 0.2 above it. It has none for MobileNetV2.
    """
    return Recipe(
        _REFERENCE,
        {
            "backbone": "mobilenet_v2",
            "num_segments": 8,
            "dropout": 0.5,
            "shift": "causal",
        },
        augmentation=_CROP,
        start="imagenet",
    )


def x3d_kinetics() -> Recipe:
    """X3D-S on Kinetics-400, from random weights.

    tsm train --recipe=x3d_kinetics --data=kinetics400 --to=PRESET

    Settings are those of Feichtenhofer, CVPR 2020, section 4.1: momentum SGD
    with a half-period cosine over 256 epochs, of which the first 35 are a
    warm-up, 0.1 per 64 clips, weight decay 5e-5 and dropout 0.5. Top-1 is 73.1%
    with 10 views and 73.5% with 30 (`--views=10 --window=78` and `--views=30
    --window=78` of `tsm evaluate`: a clip of 13 frames, every sixth of the
    video). Other sizes differ in fields of the network: `--depth=5 --size=312
    --segments=16` makes X3D-L.
    """
    epochs, warmup = 256, 35
    return Recipe(
        TrainingConfig(
            epochs=epochs,
            batch_size=64,
            optimizer="sgd",
            learning_rate=0.1,
            rate_batch_size=64,
            schedule="cosine",
            warmup=warmup / epochs,
            weight_decay=5e-5,
        ),
        {**X3D_NETWORKS["x3d_s"], "dropout": 0.5},
        SamplingConfig("interval"),
        AugmentationConfig(crop="multi_scale", flip=True),
    )


def vid_detection() -> Recipe:
    """Causal detector of objects in videos, on clips of 8 frames.

    tsm train --recipe=vid_detection --data=DATA --to=PRESET

    DATA has boxes (docs/detection.md). --init=PRESET or --pretrained=imagenet
    starts from the backbone of a classifier. The detector is CenterNet's (Zhou
    et al., 2019) on the backbone of online TSM, so the paper's figure, 76.3%
    mAP on ImageNet-VID with R-FCN on ResNet-101, is not one to expect.
    """
    return Recipe(
        TrainingConfig(
            epochs=40,
            batch_size=8,
            learning_rate=2e-3,
            warmup=0.05,
            clip_norm=20.0,
            ema=0.99,
            best_by="loss",
        ),
        {"backbone": "mobilenet_v2", "num_segments": 8, "shift": "causal"},
        task="detection",
    )


RECIPES: dict[str, Callable[[], Recipe]] = {
    recipe.__name__: recipe
    for recipe in (
        default,
        kinetics_8f,
        mobilenet_v2_kinetics,
        something_v1,
        something_v2,
        jester,
        ucf101_finetune,
        hmdb51_finetune,
        finetune_small,
        quantization_aware,
        online,
        x3d_kinetics,
        vid_detection,
    )
}


def find_recipe(name: str) -> Recipe:
    """Returns the recipe with this name.

    Raises:
        ValueError: If there is no such recipe; it suggests a similar name.
    """
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(
            f"`recipe` must be one of {list(RECIPES)}; {hint}"
            f"Received: recipe={name!r}"
        )
    return RECIPES[name]()
