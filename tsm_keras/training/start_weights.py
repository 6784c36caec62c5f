"""start_from: copies the weights of one network to another, with a report."""

import dataclasses

from tensorflow import keras

from tsm_keras.models.backbones.record import ImageNetFile
from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import (
    VideoClassifierConfig,
    VideoDetectorConfig,
)
from tsm_keras.models.config.head import DETECTOR, belongs_to_head
from tsm_keras.models.imagenet import imagenet_config, load_imagenet_weights
from tsm_keras.models.operators.marks import belongs_to_mark
from tsm_keras.models.weights import leaf_layers
from tsm_keras.training.start_checks import published_weights

# The pyramid and the heads of a detector, by the start of their layers' names.
_DETECTOR_PARTS = tuple(
    f"{DETECTOR}_{part}"
    for part in ("pyramid", "heatmap", "box_size", "box_offset")
)
# Fields that follow the project that trained the weights.
_CONVENTIONS = (
    "stride_padding",
    "batch_norm_epsilon",
    "pixel_mean",
    "pixel_std",
)


@dataclasses.dataclass(frozen=True)
class StartReport:
    """Reports the weights that a training starts from.

    Attributes:
        source: The preset, the file or the published weights, in words.
        network: The network that is trained, in words.
        loaded: The names of the layers whose weights were copied.
        skipped: The names of the layers that start untrained, each with the
            reason.
        notes: Warnings about the weights.
    """

    source: str
    network: str
    loaded: tuple[str, ...]
    skipped: dict[str, str]
    notes: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Returns the report as text to print."""
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


def start_from(
    model: keras.Model, source: keras.Model, name: str
) -> StartReport:
    """Copies the weights of all layers that mean the same in both networks.

    Args:
        model: The new network. The classifier of a head does not change if
            the source has other classes or lacks the head, nor do temporal
            operators that the source lacks. A detector that starts from a
            classifier gets the backbone only.
        source: The old network.
        name: The name of the source, for the report.

    Returns:
        The report on the layers that were copied and those that were not.

    Raises:
        ValueError: If any other layer differs; nothing is copied then.
    """
    old, new = (dict(leaf_layers(x)) for x in (source, model))
    before, after = source.video_config, model.video_config
    skipped = _lacking(new, old)
    reasons = (
        _of_detector(before, after)
        if isinstance(after, VideoDetectorConfig)
        else _of_heads(before.heads, after.heads)
    )
    skipped |= {
        owner: f"{reason}; it starts untrained"
        for owner, reason in reasons.items()
    }
    unused = {layer for layer in old if _is_unused(layer, before, after)}
    unused -= {*new}
    differ = sorted(
        layer
        for layer in {*old, *new} - unused
        if _owner(layer) not in skipped
        and (
            layer not in old
            or layer not in new
            or _shapes(old[layer]) != _shapes(new[layer])
        )
    )
    if differ:
        raise ValueError(
            f"The weights of {name} do not fit this network. Received: "
            f"{len(differ)} layers that differ, {differ[:5]}"
        )
    loaded = [layer for layer in new if _owner(layer) not in skipped]
    for layer in loaded:
        new[layer].set_weights(old[layer].get_weights())
    notes: tuple[str, ...] = ()
    places = [_stages(config) for config in (before, after)]
    if places[0] != places[1] and before.temporal.shift != "none":
        notes = (
            f"the weights were trained with a shift in {places[0]}, but this "
            f"network has it in {places[1]}: it predicts badly before training",
        )
    trained, wanted = before.temporal.shift, after.temporal.shift
    if trained != wanted:
        notes = (
            f"the weights were trained with shift={trained!r}, but this "
            f"network has {wanted!r}: it predicts badly before training",
        )
    return StartReport(name, _network(after), tuple(loaded), skipped, notes)


def start_from_imagenet(
    config: VideoClassifierConfig | VideoDetectorConfig,
) -> tuple[keras.Model, StartReport]:
    """Builds a network with the published ImageNet weights of its backbone.

    Args:
        config: The config of the network. Padding, epsilon and input range
            become those of the weights.

    Returns:
        The clip model, and the report on the layers that have the weights and
        those that have not.

    Raises:
        ValueError: If there are no published weights for the network.
        ImportError, OSError: As in `read_imagenet` and `load_imagenet_weights`.
    """
    weights = published_weights(config.backbone.name)
    if not config.input.is_rgb:
        raise ValueError(
            "pretrained='imagenet' needs RGB input. "
            f"Received: input_channels={config.input.channels}"
        )
    if isinstance(weights, ImageNetFile):
        # Imported here, because most trainings need no file of PyTorch.
        from tsm_keras.checkpoints.imagenet import read_imagenet

        source = read_imagenet(weights)
        fields = source.video_config.flat()
        model = build_clip_model(
            config.changed(**{name: fields[name] for name in _CONVENTIONS})
        )
        report = start_from(model, source, f"ImageNet weights {weights.name}")
        # A network for images has no shift, so the note on it says nothing.
        return model, dataclasses.replace(report, notes=())
    model = build_clip_model(imagenet_config(config))
    loaded = load_imagenet_weights(model)
    layers = dict(leaf_layers(model))
    skipped = _lacking(layers, loaded)
    for owner in dict.fromkeys(map(_owner, filter(belongs_to_head, layers))):
        skipped[owner] = "the source has other classes; it starts untrained"
    return model, StartReport(
        "ImageNet weights of keras.applications",
        _network(model.video_config),
        tuple(loaded),
        skipped,
    )


def _lacking(layers, source):
    """Returns the temporal operators whose weights the source lacks."""
    return {
        _owner(layer): "the source lacks it; it starts untrained"
        for layer in layers
        if belongs_to_mark(layer) and layer not in source
    }


def _owner(layer):
    """Returns the name that a report gives to a layer.

    It is the layer that a part such as `block/theta` belongs to, or the pyramid
    or head of a detector that a layer belongs to.
    """
    for part in _DETECTOR_PARTS:
        if layer.startswith(part):
            return part
    return layer.partition("/")[0]


def _of_detector(before, after):
    """Returns why parts of a detector start anew, by their names."""
    if not isinstance(before, VideoDetectorConfig):
        return dict.fromkeys(_DETECTOR_PARTS, "the source has no detector")
    if before.detection.labels == after.detection.labels:
        return {}
    return {f"{DETECTOR}_heatmap": "the source has other classes"}


def _of_heads(before, after):
    """Returns why classifiers start anew, by the names of their layers."""
    heads = {head.name: head for head in before}
    reasons = {
        head.classifier: _other_classes(heads.get(head.name), head)
        for head in after
    }
    return {name: reason for name, reason in reasons.items() if reason}


def _is_unused(layer, before, after):
    """Returns whether the new network may lack a layer of the old one."""
    if belongs_to_head(layer):
        return True
    # A detector has no convolution before the classifier.
    stage = BACKBONES[before.backbone.name].part_of(layer)
    return isinstance(after, VideoDetectorConfig) and stage == "head"


def _network(config):
    parts = [config.backbone.name]
    if BACKBONES[config.backbone.name].any_width:
        parts.append(f"width {config.backbone.width:g}")
    return ", ".join(
        [
            *parts,
            _operator(config.temporal)
            + (f" in {_stages(config)}" if config.temporal.stages else ""),
            f"{config.clip.num_segments} segments",
            f"{config.input.image_size} pixels",
        ]
    )


def _stages(config):
    numbers = ", ".join(map(str, config.temporal.stages))
    text = f"the stages {numbers}" if numbers else "all stages"
    causal = ", ".join(map(str, config.temporal.causal_stages))
    return f"{text} (causal in {causal})" if causal else text


def _operator(temporal):
    if temporal.operator in ("none", "shift"):
        return f"shift {temporal.shift}"
    return f"{temporal.operator}{', causal' if temporal.causal else ''}"


def _other_classes(before, after):
    """Returns why a head has other classes than before, or an empty text."""
    if before is None:
        if not after.name:
            return "the source has several heads"
        return f"the source has no head {after.name!r}"
    if before.num_classes != after.num_classes:
        return (
            f"the source has {before.num_classes} classes, this network has "
            f"{after.num_classes}"
        )
    # Without names, an equal number counts as equal.
    if before.labels and before.labels != after.labels:
        return "the source has other classes"
    return ""


def _shapes(layer):
    return [tuple(weight.shape) for weight in layer.weights]
