"""check_start, check_task: checks of settings before any video is read."""

from tsm_keras.models.backbones.record import ImageNetFile, ImageNetWeights
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config import BackboneConfig
from tsm_keras.models.config.detector import DETECTION_FIELDS
from tsm_keras.models.config.detector import TASK as DETECTION
from tsm_keras.training.recipes import Recipe


def check_start(
    recipe: Recipe,
    init: str | None,
    pretrained: str | None,
    quantization_aware: bool = False,
) -> str | None:
    """Checks the user's choice of first weights against the recipe.

    Args:
        recipe: The recipe of the training.
        init: The value of `--init`: a preset, a file, `"scratch"` or None.
        pretrained: The value of `--pretrained`: `"imagenet"` or None.
        quantization_aware: Whether the training is quantization-aware.

    Returns:
        `"imagenet"` to start from published ImageNet weights, else None.

    Raises:
        ValueError: If `pretrained` names no published weights, the arguments
            contradict each other, or the recipe needs weights and none are
            named.
        ImportError: If a package that brings the weights is missing; the
            message says how to install it.
    """
    if pretrained not in (None, "", "imagenet"):
        raise ValueError(
            "`pretrained` must be 'imagenet', or left out. "
            f"Received: pretrained={pretrained!r}"
        )
    scratch = init == "scratch"
    if quantization_aware and (not init or scratch):
        raise ValueError(
            "--qat fine-tunes a trained network: add --init=PRESET."
        )
    if pretrained and init:
        raise ValueError(
            "--init and --pretrained are two starts for one training: leave "
            "out one of them. "
            f"Received: init={init!r}, pretrained={pretrained!r}"
        )
    backbone = recipe.network.get("backbone", BackboneConfig().name)
    weights = BACKBONES[backbone].imagenet
    if pretrained:
        weights = published_weights(backbone)
        if isinstance(weights, ImageNetFile):
            from tsm_keras.checkpoints.imagenet import expect_packages

            expect_packages(weights)
    if init or pretrained or not recipe.start:
        return pretrained or None
    if recipe.start == "imagenet" and isinstance(weights, ImageNetWeights):
        return "imagenet"
    wanted = {
        "imagenet": f"ImageNet weights: add --init={backbone}.pth, a file from "
        "torchvision or timm, or --pretrained=imagenet",
        "kinetics": "a network trained on Kinetics: add --init=PRESET",
        "preset": "a trained network: add --init=PRESET or "
        "--pretrained=imagenet",
    }[recipe.start]
    raise ValueError(
        f"This recipe starts from {wanted} (--init=scratch for random weights)."
    )


def published_weights(backbone: str) -> ImageNetWeights | ImageNetFile:
    """Returns where the published ImageNet weights of a backbone come from.

    Args:
        backbone: The name of a backbone.

    Raises:
        ValueError: If there are none.
    """
    weights = BACKBONES[backbone].imagenet
    if weights is None:
        published = [name for name in BACKBONES if BACKBONES[name].imagenet]
        raise ValueError(
            "pretrained='imagenet' needs one of the backbones "
            f"{published}; for another one, name a weights file with "
            "--init=FILE. "
            f"Received: backbone={backbone!r}"
        )
    return weights


def check_task(
    recipe: Recipe, has_boxes: bool, *, quantization_aware: bool = False
) -> None:
    """Checks that a recipe trains what the data set is for.

    Args:
        recipe: The recipe of the training.
        has_boxes: Whether the clips of the data set have boxes, for a detector.
        quantization_aware: Whether the training is quantization-aware.

    Raises:
        ValueError: If the recipe is for another task, or a setting is.
    """
    detects = recipe.task == DETECTION
    if detects != has_boxes:
        kind = (
            "boxes, for a detector"
            if has_boxes
            else "classes, for a classifier"
        )
        raise ValueError(
            f"`recipe` must fit the data set, whose clips have {kind}: leave "
            f"--recipe out. Received: a recipe for {recipe.task}"
        )
    given = sorted({*recipe.network} & {*DETECTION_FIELDS})
    if given and not detects:
        raise ValueError(
            f"`{given[0]}` must be left out for a classifier. "
            f"Received: {given[0]}={recipe.network[given[0]]!r}"
        )
    if detects and quantization_aware:
        raise ValueError(
            "--qat must be left out for a detector, which is exported to int8 "
            "after its training. Received: --qat"
        )
