"""describe: a clip model on one screen, a row a block."""

import itertools
import re
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.streaming import build_streaming_model, cache_shapes

# A layer belongs to the block, or the stem, head or classifier, that its name
# starts with.
_BLOCK = re.compile(r"(stage_\d+_block_\d+|block_\d+|stem|head|classifier)")


def describe(model: keras.Model) -> str:
    """Returns a table of the blocks, then parameters, FLOPs and cache sizes.

    Args:
        model: From `build_clip_model` or `load_preset`.
    """
    config = model.video_config
    facts = model_facts(model)
    lines = [f"{'block':22}{'output':16}{'shift':>6}{'parameters':>12}"]
    layers = [layer for layer in model.layers if _BLOCK.match(layer.name)]
    for block, group in itertools.groupby(layers, key=_block_name):
        members = list(group)
        shape = "x".join(map(str, members[-1].output.shape[1:]))
        shifted = (
            sum(layer.name.endswith("_shift") for layer in members) and "yes"
        )
        count = sum(_count(layer.weights) for layer in members)
        lines.append(f"{block:22}{shape:16}{shifted or '':>6}{count:>12,}")
    colors = "RGB" if config.is_rgb else f"flow ({config.input_channels})"
    caches = "cannot stream"
    if config.can_stream:
        sizes = facts["cache_elements"]
        caches = f"{len(sizes)} ({4 * sum(sizes) / 1e3:.1f} KB as float32)"
    lines += [
        "",
        f"backbone      {config.backbone}, width {config.width}",
        f"shift         {config.shift}, 1/{config.shift_div}, "
        f"{config.placement}",
        f"input         {config.num_segments} frames of "
        f"{config.image_size}x{config.image_size} {colors} in 0..255",
        f"parameters    {facts['trainable']:,} trainable, "
        f"{facts['statistics']:,} statistics",
        f"FLOPs         {facts['flops_per_frame'] / 1e6:,.1f} M a frame, "
        f"{facts['flops_per_frame'] * config.num_segments / 1e6:,.1f} M a clip",
        f"caches        {caches}",
    ]
    return "\n".join(lines)


def model_facts(model: keras.Model) -> dict[str, Any]:
    """Counts what a model costs.

    Returns:
        `trainable` and `statistics` (parameters that gradients move, and
        moving averages), `flops_per_frame` (of the 2-D network, a
        multiplication and an addition counting as two, as TensorFlow's
        profiler counts them; the shift has none) and `cache_elements`, the
        size of each cache of a stream, empty if the model cannot stream.
    """
    config = model.video_config
    cache_elements = []
    if config.can_stream:
        shapes = cache_shapes(build_streaming_model(config))
        cache_elements = [int(np.prod(shape)) for shape in shapes.values()]
    # Batch normalizations that are frozen still hold weights to be trained.
    statistics = sum(
        _count([weight]) for weight in model.weights if "moving_" in weight.name
    )
    return {
        "trainable": _count(model.weights) - statistics,
        "statistics": statistics,
        "flops_per_frame": _flops(model) // config.num_segments,
        "cache_elements": cache_elements,
    }


def _flops(model):
    function = tf.function(lambda clip: model(clip, training=False))
    clip = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32)
    profiler = tf.compat.v1.profiler
    options = (
        profiler.ProfileOptionBuilder(
            profiler.ProfileOptionBuilder.float_operation()
        )
        .with_empty_output()
        .build()
    )
    graph = function.get_concrete_function(clip).graph
    return profiler.profile(graph, options=options).total_float_ops


def _block_name(layer):
    return _BLOCK.match(layer.name).group(1)


def _count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)
