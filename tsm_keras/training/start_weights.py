"""start_from: a network gets the weights of another, with a report."""

import dataclasses

from tensorflow import keras

from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.imagenet import load_imagenet_weights
from tsm_keras.models.operators.marks import belongs_to_mark
from tsm_keras.models.weights import leaf_layers

_CLASSIFIER = "classifier"


@dataclasses.dataclass(frozen=True)
class StartReport:
    """What a network began with.

    Attributes:
        source: The preset, the file or the published weights.
        network: The network that is trained, in words.
        loaded: Layers whose weights were taken over.
        skipped: Layers that start anew, with the reason.
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


def start_from(
    model: keras.Model, source: keras.Model, name: str
) -> StartReport:
    """Copies the weights of all layers that mean the same in both networks.

    Args:
        model: The new network. A classifier for other classes is left as it
            is, and so are temporal operators that the source does not have.
        source: The old one.
        name: Name of the source, for the report.

    Returns:
        What was copied and what not.

    Raises:
        ValueError: If any other layer differs; nothing is copied then.
    """
    old, new = (dict(leaf_layers(x)) for x in (source, model))
    before, after = source.video_config, model.video_config
    skipped = _lacking(new, old)
    if not _same_classes(before, after):
        skipped[_CLASSIFIER] = (
            f"{before.num_classes} classes there, {after.num_classes} here"
            if before.num_classes != after.num_classes
            else "other classes there"
        ) + "; it starts anew"
    differ = sorted(
        layer
        for layer in {*old, *new}
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
    if before.shift != after.shift:
        notes = (
            f"trained with shift={before.shift!r}, goes on with "
            f"{after.shift!r}: wrong until it is trained",
        )
    return StartReport(name, _network(after), tuple(loaded), skipped, notes)


def start_from_imagenet(model: keras.Model) -> StartReport:
    """Copies published ImageNet weights; raises as `load_imagenet_weights`.

    Args:
        model: The new network, of an `imagenet_config`.

    Returns:
        What was copied and what not.
    """
    loaded = load_imagenet_weights(model)
    layers = dict(leaf_layers(model))
    skipped = _lacking(layers, loaded)
    skipped[_CLASSIFIER] = "it has none of our classes; it starts anew"
    return StartReport(
        "ImageNet weights of keras.applications",
        _network(model.video_config),
        tuple(loaded),
        skipped,
    )


def _lacking(layers, source):
    """Returns the temporal operators whose weights the source lacks."""
    return {
        _owner(layer): "the source has none; it starts anew"
        for layer in layers
        if belongs_to_mark(layer) and layer not in source
    }


def _owner(layer):
    """Returns the layer that a part such as `block/theta` belongs to."""
    return layer.partition("/")[0]


def _network(config):
    parts = [config.backbone]
    if BACKBONES[config.backbone].any_width:
        parts.append(f"width {config.width:g}")
    parts += [f"shift {config.shift}", f"{config.num_segments} segments"]
    return ", ".join([*parts, f"{config.image_size} pixels"])


def _same_classes(before, after):
    if not before.labels:  # Nothing says otherwise.
        return before.num_classes == after.num_classes
    return before.labels == after.labels


def _shapes(layer):
    return [tuple(weight.shape) for weight in layer.weights]
