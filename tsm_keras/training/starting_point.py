"""starting_model: the network to train, and what became of the weights."""

import dataclasses
import os
import pathlib
from typing import Any

from tensorflow import keras

from tsm_keras.data.pipeline.sampling import dense_stride
from tsm_keras.data.readers.clip_reader import ClipReader
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import load_preset
from tsm_keras.models.weights import leaf_layers
from tsm_keras.training.recipes import Recipe

# What a network may change without changing the shapes or the sense of its
# weights. Another shift changes their sense: it is allowed, and reported.
CHANGEABLE = (
    *("num_segments", "image_size", "resize_size", "dropout", "shift"),
)
_CLASSIFIER = "classifier"


@dataclasses.dataclass(frozen=True)
class StartReport:
    """What a network began with.

    Attributes:
        source: The preset or file.
        network: What is trained: most of it comes from the source too.
        loaded: Layers whose weights were taken over.
        skipped: Layers that begin anew, with the reason.
        notes: What else is worth knowing.
    """

    source: str
    network: str
    loaded: tuple[str, ...]
    skipped: dict[str, str]
    notes: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Returns the report for people."""
        return "\n".join(
            [
                f"start: {self.source}",
                f"  network: {self.network}",
                f"  loaded {len(self.loaded)} layers",
                *(
                    f"  skipped {name}: {reason}"
                    for name, reason in self.skipped.items()
                ),
                *(f"  note: {note}" for note in self.notes),
            ]
        )


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
        quantization_aware: Whether int8's roundings are trained.

    Raises:
        ValueError: If the recipe needs weights and none are named.
    """
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
        return pretrained
    backbone = recipe.network.get("backbone", "mobilenet_v2")
    if recipe.start == "imagenet" and backbone == "mobilenet_v2":
        return "imagenet"
    wanted = {
        "imagenet": f"ImageNet weights: add --init={backbone}.pth, a file of "
        "torchvision's or timm's",
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
        recipe: Says of a file what it does not say itself.

    Raises:
        FileNotFoundError: If there is neither.
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
        given: Its fields that the user sets, which must fit the weights.
        clips: Say which classes, and how far apart frames are.
        source: The model to start from, None for none.
        name: Of the source.
        pretrained: `"imagenet"` or None.

    Returns:
        The clip model, and what became of the weights; None if all are random.

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
    model = build_clip_model(config, pretrained=pretrained)
    if source is not None:
        return model, start_from(model, source, name)
    if not pretrained:
        return model, None
    layers = tuple(layer for layer, _ in leaf_layers(model))
    report = StartReport(
        "ImageNet weights of keras.applications",
        _network(config),
        tuple(layer for layer in layers if layer != _CLASSIFIER),
        {_CLASSIFIER: "it has none of our classes; it starts anew"},
    )
    return model, report


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


def start_from(
    model: keras.Model, source: keras.Model, name: str
) -> StartReport:
    """Copies the weights of all layers that mean the same in both networks.

    Args:
        model: The new network. A classifier for other classes is left as it
            is.
        source: The old one.
        name: Of the source, for the report.

    Returns:
        What was copied and what not.

    Raises:
        ValueError: If another layer than the classifier differs; nothing is
            copied then.
    """
    old, new = (dict(leaf_layers(x)) for x in (source, model))
    before, after = source.video_config, model.video_config
    skipped = {}
    if not _same_classes(before, after):
        skipped[_CLASSIFIER] = (
            f"{before.num_classes} classes there, {after.num_classes} here"
            if before.num_classes != after.num_classes
            else "other classes there"
        ) + "; it starts anew"
    differ = sorted(
        layer
        for layer in {*old, *new} - {*skipped}
        if layer not in old
        or layer not in new
        or _shapes(old[layer]) != _shapes(new[layer])
    )
    if differ:
        raise ValueError(
            f"The weights of {name} do not fit this network. Received: "
            f"{len(differ)} layers that differ, {differ[:5]}"
        )
    loaded = [layer for layer in new if layer not in skipped]
    for layer in loaded:
        new[layer].set_weights(old[layer].get_weights())
    notes: tuple[str, ...] = ()
    if before.shift != after.shift:
        notes = (
            f"trained with shift={before.shift!r}, goes on with "
            f"{after.shift!r}: wrong until it is trained",
        )
    return StartReport(name, _network(after), tuple(loaded), skipped, notes)


def _network(config):
    parts = [config.backbone]
    if config.backbone == "mobilenet_v2":
        parts.append(f"width {config.width:g}")
    parts += [f"shift {config.shift}", f"{config.num_segments} segments"]
    return ", ".join([*parts, f"{config.image_size} pixels"])


def _same_classes(before, after):
    if not before.labels:  # Nothing says otherwise.
        return before.num_classes == after.num_classes
    return before.labels == after.labels


def _shapes(layer):
    return [tuple(weight.shape) for weight in layer.weights]
