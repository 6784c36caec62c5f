"""import_state_dict: converts a PyTorch state dict to a clip model."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from tensorflow import keras

from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.inference import InferredNetwork, infer_network
from tsm_keras.checkpoints.naming.base import tensors_of
from tsm_keras.checkpoints.report import ImportReport, LoadedTensor
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config.classifier import FLAT_NAMES
from tsm_keras.models.weights import leaf_layers

_CONFIG_FIELDS = (*FLAT_NAMES, "shift")
_LISTED = 8  # The largest number of names in an error.

# Without dropout, the TSM authors' networks use the backbone's own classifier.
_CLASSIFIER_ALIASES = ("base_model.fc.", "base_model.classifier.")

_WHY_NOT_OTHER_SHIFT = {
    ("bidirectional", "causal"): (
        "the first fold of channels was trained to come from the next frame "
        "and would come from the previous one, and the second fold would not "
        "be shifted at all, so the logits would be wrong"
    ),
    ("causal", "bidirectional"): (
        "the first fold of channels was trained to come from the previous "
        "frame and would come from the next one"
    ),
    ("none", "bidirectional"): "no channel was trained to be shifted",
    ("none", "causal"): "no channel was trained to be shifted",
    ("bidirectional", "none"): "its shifted channels would not be shifted",
    ("causal", "none"): "its shifted channels would not be shifted",
}


def import_state_dict(
    tensors: Mapping[str, np.ndarray],
    *,
    source: str = "auto",
    name: str = "",
    metadata: Mapping[str, str] | None = None,
    force: bool = False,
    assumed: Mapping[str, Any] | None = None,
    **asked: Any,
) -> tuple[keras.Model, ImportReport]:
    """Builds the clip model of a PyTorch state dict and loads the weights.

    Backbone, width, classes, placement of the shift and so on are inferred.
    Values that cannot be inferred must be given. PyTorch is not needed.

    Example:
    >>> model, report = import_state_dict(
    ...     tensors, name="TSM_kinetics_RGB_resnet50_shift8_blockres_avg_"
    ...     "segment8_e50.pth"
    ... )
    >>> print(report.to_text())

    Args:
        tensors: Arrays by name, in the layout of PyTorch.
        source: The project that named the tensors: `"auto"`, `"tsm"`,
            `"tsm_online"`, `"mixtconv"`, `"mmaction2"`, `"torchvision"`,
            `"timm"`, `"pytorchvideo"` or `"slowfast"`.
        name: The name of the file. Names of published files give values that
            the tensors do not show.
        metadata: The text fields of the file, which `write_safetensors` fills.
        force: Whether to load the weights even if the network has a shift that
            they were not trained with, as a start for further training.
        assumed: Values of fields that neither the checkpoint nor the caller
            gives, for a start of further training that does not need them.
        **asked: Fields of `VideoClassifierConfig`, and `dataset`, that replace
            inferred values. If `num_classes` differs from the checkpoint's, the
            classifier is new.

    Returns:
        The clip model, and a report on every tensor.

    Raises:
        CheckpointError: If a value cannot be inferred and is not given, if a
            tensor is left over, missing or of another shape, or if the weights
            were trained with another shift.
        ValueError: If the given fields are not a valid config.
    """
    unknown = sorted(set(asked) - {*_CONFIG_FIELDS, "dataset"})
    if unknown:
        raise ValueError(
            f"Fields must be from {sorted(_CONFIG_FIELDS)} and dataset. "
            f"Received: {unknown}"
        )
    tensors, renamed = _canonical(tensors)
    network = infer_network(
        tensors,
        asked=asked,
        source=source,
        name=name,
        metadata=metadata,
        assumed=assumed,
    )
    if not force:
        _check_shift(network)
    model = build_clip_model(network.config)
    shift = network.config.temporal.shift
    loaded, ignored = _fill(model, network, tensors)
    report = ImportReport(
        facts=network.facts,
        config=network.config,
        dataset=network.dataset,
        loaded=tuple(loaded),
        ignored=ignored,
        renamed=renamed,
        forced_shift=(
            network.trained_shift
            if network.trained_shift not in (None, shift)
            else None
        ),
    )
    return model, report


def _canonical(tensors):
    """Removes DataParallel's prefix and gives the classifier its usual name."""
    renamed = []
    tensors = {key: np.asarray(value) for key, value in tensors.items()}
    if tensors and all(key.startswith("module.") for key in tensors):
        tensors = {key[len("module.") :]: v for key, v in tensors.items()}
        renamed.append("without the prefix `module.`")
    for alias in _CLASSIFIER_ALIASES:
        if f"{alias}weight" in tensors and "new_fc.weight" not in tensors:
            tensors = {
                key.replace(alias, "new_fc."): v for key, v in tensors.items()
            }
            renamed.append(f"`{alias}*` as `new_fc.*`")
    return tensors, tuple(renamed)


def _check_shift(network: InferredNetwork):
    trained, wanted = network.trained_shift, network.config.temporal.shift
    if trained is None or trained == wanted:
        return
    operator = network.config.temporal.operator
    if operator not in ("none", "shift"):
        raise CheckpointError(
            f"These kernels were trained with causal={trained == 'causal'} and "
            f"cover other frames with causal={wanted == 'causal'}, so the "
            "logits would be wrong. To use them as a start for further "
            "training, add force=True (--force). "
            f"Received: causal={wanted == 'causal'}, operator={operator!r}"
        )
    raise CheckpointError(
        f"These weights were trained with shift={trained!r} and do not work "
        f"with shift={wanted!r}: {_WHY_NOT_OTHER_SHIFT[trained, wanted]}. To "
        "use them as a start for further training, add force=True (--force). "
        f"Received: shift={wanted!r}"
    )


def _fill(model, network, tensors):
    """Sets all weights, or none of them if a single tensor does not fit."""
    ignored = {
        key: "counts training steps, not a weight"
        for key in tensors
        if key.endswith(".num_batches_tracked")
    }
    left = {key: tensors[key] for key in tensors if key not in ignored}
    new_classifier = _needs_new_classifier(network, left)
    values = {name: layer.get_weights() for name, layer in leaf_layers(model)}
    loaded, missing, differ = [], [], []
    for tensor in tensors_of(
        model, network.naming, wrapped=network.wrapped, keys=tensors
    ):
        if tensor.layer_name == "classifier" and new_classifier:
            if left.pop(tensor.key, None) is not None:
                ignored[tensor.key] = "for other classes; the classifier is new"
            continue
        how = tensor.layout.name
        array = left.pop(tensor.key, None)
        if array is None:
            pattern = network.naming.zero_where_absent
            if not re.fullmatch(pattern, tensor.key):
                missing.append(tensor.key)
                continue
            array, how = np.zeros(tensor.shape), "zero, absent in this family"
        if array.shape != tensor.shape:
            differ.append(f"{tensor.key} {array.shape} for {tensor.shape}")
            continue
        values[tensor.layer_name][tensor.index] = tensor.layout.to_keras(array)
        loaded.append(
            LoadedTensor(
                tensor.key, tensor.shape, tensor.layer_name, tensor.index, how
            )
        )
    _check_complete(left, missing, differ)
    _check_finite(values)
    for name, layer in leaf_layers(model):
        layer.set_weights(values[name])
    return loaded, ignored


def _needs_new_classifier(network, tensors):
    module = network.naming.module_name(
        "classifier", backbone=network.config.backbone.name
    )
    weight = tensors.get(f"{module}.weight")
    return weight is None or len(weight) != network.config.head.num_classes


def _check_complete(left, missing, differ):
    problems = [
        f"{len(names)} {what}: {', '.join(names[:_LISTED])}"
        + (", ..." if len(names) > _LISTED else "")
        for what, names in (
            ("missing", missing),
            ("left over", sorted(left)),
            ("of another shape", differ),
        )
        if names
    ]
    if problems:
        raise CheckpointError(
            "The tensors do not fit the network, so none was loaded. Received: "
            + "; ".join(problems)
        )


def _check_finite(values):
    broken = [
        name
        for name, arrays in values.items()
        if not all(np.isfinite(array).all() for array in arrays)
    ]
    if broken:
        raise CheckpointError(
            "Weights must be finite. Received: NaN or infinity in "
            f"{', '.join(broken[:_LISTED])}"
        )
