"""Recipes: what papers and we train with, by name.

Each is a function without arguments that returns plain data. Its docstring
holds the command and what comes out, with the source of the figure. All from
the TSM authors: Lin, Gan, Han, ICCV 2019 ("paper", section 5.1 and the tables
named) and the README of mit-han-lab/temporal-shift-module ("repository").
"""

import dataclasses
import difflib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tsm_keras.data.augment.augmentation import AugmentationConfig
from tsm_keras.data.pipeline.sampling import SamplingConfig
from tsm_keras.training.config import TrainingConfig


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that `tsm train` needs to know beside the data.

    Attributes:
        training: How.
        network: Fields of `VideoClassifierConfig`; the others have their
            defaults, and the data set gives the classes.
        sampling: Which frames make a clip.
        augmentation: How clips are changed.
        start: What the weights must come from: `"imagenet"`, `"kinetics"` or
            `"preset"`; empty for random weights.
    """

    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
    network: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    sampling: SamplingConfig = dataclasses.field(default_factory=SamplingConfig)
    augmentation: AugmentationConfig = dataclasses.field(
        default_factory=AugmentationConfig
    )
    start: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON values."""
        return dataclasses.asdict(self)


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
    """AdamW and a cosine, for small networks from scratch.

    tsm train --data=DATA --to=PRESET

    `tsm quickstart` trains about so: 98% to 100% on generated gestures, where
    a network without shift cannot exceed 58.3% (docs/performance.md).
    """
    return Recipe()


def kinetics_8f() -> Recipe:
    """ResNet-50 on Kinetics-400, 8 frames spread over the video.

    tsm train --recipe=kinetics_8f --data=kinetics400 --init=resnet50.pth
    --to=PRESET

    resnet50.pth: torchvision's or timm's ImageNet weights. Top-1 71.2% with
    one centre crop, 72.8% with 10 crops (repository, uniform sampling).
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

    Top-1 69.5% with 10 clips a video at full resolution (repository, dense
    sampling). Starts from the ImageNet weights of keras.applications.
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

    Top-1 45.6% with one centre crop, 47.2% with two clips at full resolution
    (repository). Not mirrored: left and right are classes. --flip mirrors with
    the classes' names, where the data set has its pairs.
    """
    return Recipe(_REFERENCE, _RESNET, augmentation=_CROP, start="imagenet")


def something_v2() -> Recipe:
    """ResNet-50 on Something-Something V2, 8 frames; trained as V1.

    tsm train --recipe=something_v2 --data=something_v2 --init=resnet50.pth
    --to=PRESET

    Top-1 61.2% with two clips at full resolution (repository).
    """
    return something_v1()


def jester() -> Recipe:
    """ResNet-50 on Jester, 8 frames; trained as Something-Something.

    tsm train --recipe=jester --data=jester --init=resnet50.pth --to=PRESET

    Top-1 97.0% (paper, table 2).
    """
    return something_v1()


def ucf101_finetune() -> Recipe:
    """A ResNet-50 trained on Kinetics goes on with UCF101.

    tsm train --recipe=ucf101_finetune --data=ucf101 --init=KINETICS_PRESET
    --to=PRESET

    Top-1 95.9% (paper, table 2). Weight decay is the reference's default,
    5e-4, as its script gives none.
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
    """A ResNet-50 trained on Kinetics goes on with HMDB51, as with UCF101.

    tsm train --recipe=hmdb51_finetune --data=hmdb51 --init=KINETICS_PRESET
    --to=PRESET

    Top-1 73.5% (paper, table 2).
    """
    return ucf101_finetune()


def finetune_small() -> Recipe:
    """A preset goes on with a few hundred clips of your own.

    tsm train --recipe=finetune_small --data=DATA --init=PRESET --to=MINE

    The first half of MobileNetV2's stages (all but the last of a ResNet's)
    stays frozen for five epochs, its normalization for good: few clips say
    little about the first and cannot measure the second. Ours; what comes out
    depends on your clips, and no paper has a figure.
    """
    return Recipe(
        TrainingConfig(
            epochs=30,
            batch_size=16,
            optimizer="sgd",
            learning_rate=0.005,
            rate_batch_size=16,
            bias_rate=2.0,
            classifier_rate=5.0,
            clip_norm=20.0,
            label_smoothing=0.1,
            batch_norm="partial",
            frozen_stages=4,
            frozen_epochs=5,
            patience=8,
        ),
        {"dropout": 0.5},
        augmentation=_CROP,
        start="preset",
    )


def online() -> Recipe:
    """A causal MobileNetV2, which streams: the network of the online demo.

    tsm train --recipe=online --data=jester --to=PRESET

    The shift only reaches back, so each frame's answer needs no later one. For
    ResNet-50 (--backbone=resnet50) the paper has 46.3% on Something-Something
    V1, 1.0 below the bidirectional shift, and 74.3% on Kinetics, 0.2 above
    (online TSM in its table of online recognition); for MobileNetV2 no figure.
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
        online,
    )
}


def find_recipe(name: str) -> Recipe:
    """Returns the recipe of a name.

    Raises:
        ValueError: If there is none; names the nearest.
    """
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ValueError(
            f"`recipe` must be one of {list(RECIPES)}; {hint}"
            f"Received: recipe={name!r}"
        )
    return RECIPES[name]()


def recipe_summaries() -> list[str]:
    """Returns a line for each recipe: its name and what it trains."""
    width = max(map(len, RECIPES))
    return [
        f"{name:{width}}  {(inspect.getdoc(recipe) or '').splitlines()[0]}"
        for name, recipe in RECIPES.items()
    ]
