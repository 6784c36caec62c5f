"""starting_model: the network to train, and where its weights come from.

A training starts from random weights, a preset, a PyTorch file, or the ImageNet
weights that `keras.applications` publishes.
"""

import dataclasses
import os
import pathlib
from typing import Any

from tensorflow import keras

from tsm_keras.data.pipeline.sampling import dense_stride
from tsm_keras.data.readers.clip_reader import ClipReader
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.imagenet import imagenet_config
from tsm_keras.models.presets import load_preset
from tsm_keras.training.recipes import Recipe
from tsm_keras.training.start_weights import (
    StartReport,
    start_from,
    start_from_imagenet,
)

# The fields in which a network may differ from the one that its weights come
# from. Another shift changes what the weights mean, and non-local blocks may
# have none: both are allowed, and reported.
CHANGEABLE = (
    *("num_segments", "image_size", "resize_size", "dropout", "shift"),
    "non_local",
)


# Values that a weights file may not tell, and that a start does not need: the
# classifier is replaced, and the other settings are those of the training.
_OF_NO_MATTER = {
    "dataset": "unknown",
    "num_classes": 2,
    "shift_div": 8,
    "non_local": True,
}


def check_start(
    recipe: Recipe,
    init: str | None,
    pretrained: str | None,
    quantization_aware: bool = False,
) -> str | None:
    """Returns which published weights to start from, None for none.

    Args:
        recipe: What is trained.
        init: What the user starts from: a preset, a file, `"scratch"` or None.
        pretrained: `"imagenet"` or None.
        quantization_aware: Whether training rounds where int8 does.

    Raises:
        ValueError: If there are no such weights, or the recipe needs weights
            and none are named.
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
            "--init and --pretrained are two starts: leave out one of them. "
            f"Received: init={init!r}, pretrained={pretrained!r}"
        )
    if init or pretrained or not recipe.start:
        return pretrained or None
    backbone = VideoClassifierConfig(num_classes=2, **recipe.network).backbone
    if recipe.start == "imagenet" and BACKBONES[backbone].imagenet:
        return "imagenet"
    wanted = {
        "imagenet": f"ImageNet weights: add --init={backbone}.pth, a file from "
        "torchvision or timm",
        "kinetics": "a network trained on Kinetics: add --init=PRESET",
        "preset": "a trained network: add --init=PRESET",
    }[recipe.start]
    raise ValueError(
        f"This recipe starts from {wanted} (--init=scratch for random weights)."
    )


def read_source(path: str | os.PathLike, recipe: Recipe) -> keras.Model:
    """Loads a preset, or a PyTorch state dict file.

    Args:
        path: A preset folder, or a file as `tsm import-weights` reads.
        recipe: Says what a file does not say itself.

    Raises:
        FileNotFoundError: If `path` does not exist.
        ValueError, ImportError: As `load_preset` and `import_state_dict`.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        return load_preset(path)
    if not path.is_file():
        raise FileNotFoundError(
            "--init must name a preset folder or a weights file. "
            f"Received: {path}, which does not exist"
        )
    from tsm_keras.checkpoints.files import read_checkpoint
    from tsm_keras.checkpoints.importing import import_state_dict

    config = VideoClassifierConfig(num_classes=2, **recipe.network)
    checkpoint = read_checkpoint(path)
    model, _ = import_state_dict(
        checkpoint.tensors,
        name=path.name,
        metadata=checkpoint.metadata,
        force=True,  # It will be trained.
        assumed=_OF_NO_MATTER,
        num_segments=config.num_segments,
        image_size=config.image_size,
        shift=config.shift,
    )
    return model


def starting_model(
    recipe: Recipe,
    given: dict[str, Any],
    clips: ClipReader,
    *,
    source: keras.Model | None = None,
    name: str = "",
    pretrained: str | None = None,
) -> tuple[keras.Model, StartReport | None]:
    """Builds the network to train, with the weights it starts from.

    Args:
        recipe: Says which network.
        given: The fields that the user sets; they must fit the weights.
        clips: Say which classes there are, and how far apart frames are.
        source: The model to start from, None for none.
        name: Name of the source, for the report.
        pretrained: `"imagenet"` to start from published weights, else None.
            The config's padding, epsilon and input range then become those of
            the weights.

    Returns:
        The clip model, and the report; None instead of a report if all weights
        are random.

    Raises:
        ValueError: If a given field or a weight does not fit.
        OSError: If weights cannot be downloaded.
    """
    fields = dict(recipe.network)
    if source is not None:
        before = source.video_config
        fields = dataclasses.asdict(before) | _changes(before, fields, given)
    fields.update(num_classes=len(clips.label_names), labels=clips.label_names)
    config = VideoClassifierConfig(**fields)
    config = dataclasses.replace(
        config,
        frame_interval=_frame_interval(
            clips, config.num_segments, recipe.sampling
        ),
    )
    if source is not None and recipe.sampling.method == "interval":
        # Clips are taken at the pace that the network has, so it keeps that.
        interval = source.video_config.frame_interval
        config = dataclasses.replace(
            config, frame_interval=interval or config.frame_interval
        )
    if pretrained:
        model = build_clip_model(imagenet_config(config))
        return model, start_from_imagenet(model)
    model = build_clip_model(config)
    if source is None:
        return model, None
    return model, start_from(model, source, name)


def _changes(source, recipe, given):
    """Returns the fields in which a network may differ from its source."""
    for field, value in given.items():
        if field not in CHANGEABLE and value != getattr(source, field):
            raise ValueError(
                "With --init the network is that of the weights, which has "
                f"{field}={getattr(source, field)!r}: leave this setting out. "
                f"Received: {field}={value!r}"
            )
    changes = {k: v for k, v in recipe.items() if k in CHANGEABLE}
    if "image_size" in changes:
        resized = source.with_image_size(changes["image_size"])
        changes.setdefault("resize_size", resized.resize_size)
    return changes


def _frame_interval(clips, num_segments, sampling):
    """Returns the seconds between two frames of a clip, 0 if unknown."""
    if sampling.method != "dense":
        return clips.frame_interval(num_segments)
    stride = dense_stride(num_segments, sampling.window)
    return round(stride / clips.frame_rate, 4) if clips.frame_rate else 0.0
