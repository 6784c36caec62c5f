"""export_state_dict: converts weights to a PyTorch state dict."""

import json
import os
import pathlib

import numpy as np
import safetensors.numpy
from tensorflow import keras

from tsm_keras.atomic_file import atomic_file
from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.inference import METADATA_KEY
from tsm_keras.checkpoints.naming.base import Naming, tensors_of
from tsm_keras.checkpoints.naming.mixtconv import MIXTCONV
from tsm_keras.checkpoints.naming.tsm import TSM, TSM_ONLINE
from tsm_keras.checkpoints.naming.x3d import PYTORCHVIDEO, SLOWFAST
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.weights import leaf_layers

# The networks of PyTorch have these values. Weights that were trained with
# other values would give other results there.
_PYTORCH = {"stride_padding": "symmetric", "batch_norm_epsilon": 1e-5}


def export_state_dict(model: keras.Model) -> dict[str, np.ndarray]:
    """Returns the weights of a clip model as a PyTorch state dict.

    The names are those of the authors' networks, whose `load_state_dict`
    accepts them: for TSM the network of the online demo for a causal
    MobileNetV2, and `ops.models.TSN` otherwise; for MixTConv its authors'
    `TSN`; for X3D that of pytorchvideo, or of SlowFast if it has SlowFast's
    `shortcut_batch_norm`. They lack DataParallel's prefix `module.`.

    Args:
        model: A clip model from `build_clip_model` or `load_preset`.

    Returns:
        Float32 arrays by name, in the layout of PyTorch.

    Raises:
        CheckpointError: If the authors' code has no such network.
    """
    config = model.video_config
    for field, expected in _PYTORCH.items():
        value = getattr(config.backbone, field)
        if value != expected:
            raise CheckpointError(
                "The weights would give other results in the networks of "
                f"PyTorch, which have {field}={expected!r}. "
                f"Received: {field}={value!r}"
            )
    backbone, temporal = config.backbone, config.temporal
    if temporal.stages and temporal.shift != "none":
        raise CheckpointError(
            "The authors' networks mix frames in all stages. "
            f"Received: stages={temporal.stages}"
        )
    if temporal.operator not in ("none", "shift"):
        _expect_published(config)
        return _state_dict(model, _naming(config))
    is_mobilenet = backbone.name == "mobilenet_v2"
    if (
        temporal.shift != "none"
        and temporal.placement == "inplace"
        and (is_mobilenet or backbone.name == "resnet101")
    ):
        raise CheckpointError(
            "The TSM authors' code has no in-place shift for this backbone. "
            "Use placement='residual'. Received: placement='inplace', "
            f"backbone={backbone.name!r}"
        )
    if is_mobilenet and backbone.width != 1.0:
        raise CheckpointError(
            "`width` must be 1, because the TSM authors' MobileNetV2 rounds "
            "channels differently at other widths. "
            f"Received: width={backbone.width}"
        )
    if temporal.shift == "causal" and not (
        is_mobilenet and temporal.shift_div == 8
    ):
        raise CheckpointError(
            "The only causal network of the TSM authors is the MobileNetV2 of "
            "their online demo, with shift_div=8. "
            f"Received: shift='causal', backbone={backbone.name!r}, "
            f"shift_div={temporal.shift_div}"
        )
    return _state_dict(model, _naming(config))


def _expect_published(config):
    """Checks that the authors' code has this network with convolutions."""
    backbone, temporal = config.backbone, config.temporal
    published = (
        temporal.seen == "clip" and backbone.activation == "swish"
        if backbone.name == "x3d"
        else temporal.operator == "mixtconv"
        and backbone.name.startswith("resnet")
        and temporal.placement == "residual"
        and not any(dilation > 1 for dilation in temporal.dilations)
        and temporal.kernels in ((1, 3, 5, 7), (3,), (5,), (7,))
    )
    if temporal.causal or not published:
        raise CheckpointError(
            "The authors' code has MixTConv in ResNets only, with the kernels "
            "1, 3, 5 and 7 or one of 3, 5 and 7, and X3D with swish and the "
            f"clip as its context; nothing is causal. Received: {temporal}, "
            f"{backbone}"
        )


def _state_dict(model, naming):
    variables = {
        name: layer.get_weights() for name, layer in leaf_layers(model)
    }
    return {
        tensor.key: tensor.layout.to_torch(
            variables[tensor.layer_name][tensor.index]
        )
        for tensor in tensors_of(model, naming, wrapped=naming.marks_in_keys)
    }


def write_safetensors(
    model: keras.Model, path: str | os.PathLike, *, dataset: str = "unknown"
) -> int:
    """Writes the result of `export_state_dict` as a `.safetensors` file.

    The metadata of the file contains the config, so that `import_state_dict`
    needs no further arguments. The file appears only when it is complete.

    Args:
        model: A clip model from `build_clip_model` or `load_preset`.
        path: The file to write.
        dataset: The name of the data set that the weights were trained on.

    Returns:
        The number of tensors.

    Raises:
        CheckpointError: As in `export_state_dict`, or if the path does not end
            in `.safetensors`.
    """
    path = pathlib.Path(path)
    if path.suffix != ".safetensors":
        raise CheckpointError(
            f"The file must end in .safetensors. Received: {path}"
        )
    tensors = export_state_dict(model)
    stored = {
        "config": model.video_config.to_dict(),
        "dataset": dataset,
    }
    content = safetensors.numpy.save(
        tensors, metadata={"format": "pt", METADATA_KEY: json.dumps(stored)}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)
    return len(tensors)


def _naming(config: VideoClassifierConfig) -> Naming:
    if config.backbone.name == "x3d":
        with_norm = config.backbone.shortcut_batch_norm
        return SLOWFAST if with_norm else PYTORCHVIDEO
    if config.temporal.operator == "mixtconv":
        return MIXTCONV
    is_mobilenet = config.backbone.name == "mobilenet_v2"
    is_causal = config.temporal.shift == "causal"
    return TSM_ONLINE if is_mobilenet and is_causal else TSM
