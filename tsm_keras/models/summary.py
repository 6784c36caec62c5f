"""describe: a clip model on one screen, one row per block."""

import collections
import math
import re
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow import keras

from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config.head import DETECTOR, belongs_to_head
from tsm_keras.models.multiply_adds import multiply_adds
from tsm_keras.models.operators.marks import belongs_to_mark
from tsm_keras.models.streaming import build_streaming_model, delay_text


def describe(model: keras.Model) -> str:
    """Returns a table of the blocks, then parameters, FLOPs and cache sizes.

    Args:
        model: From `build_clip_model` or `load_preset`.
    """
    config = model.video_config
    time = _stream_time(config)
    facts = _facts(model, time)
    lines = [f"{'block':22}{'output':16}{'mixes time':>11}{'parameters':>12}"]
    blocks = collections.defaultdict(list)
    for layer in model.layers:
        blocks[_block_of(layer.name, config.backbone.name)].append(layer)
    blocks.pop(None, None)
    for block, members in blocks.items():
        shape = "x".join(map(str, members[-1].output.shape[1:]))
        is_marked = any(belongs_to_mark(layer.name) for layer in members)
        count = sum(_count(layer.weights) for layer in members)
        lines.append(
            f"{block:22}{shape:16}{'yes' if is_marked else '':>11}{count:>12,}"
        )
    colors = "RGB" if config.input.is_rgb else f"flow ({config.input.channels})"
    caches, stream = "cannot stream", "impossible"
    if time:
        sizes = _cache_elements(time)
        caches = (
            f"{len(sizes)} ({4 * sum(sizes) / 1e3:.1f} KB as float32, "
            f"{sum(sizes) / 1e3:.1f} KB as int8)"
        )
        stream = _stream_text(time, config.clip.frame_interval)
    flops = facts["flops_per_frame"] / 1e6
    temporal, size = config.temporal, config.input.image_size
    lines += [
        "",
        f"backbone      {_backbone_text(config.backbone)}",
        f"time          {_temporal_text(temporal)}",
        f"input         {config.clip.num_segments} frames of "
        f"{size}x{size} {colors} in 0..255",
        f"parameters    {facts['trainable']:,} trainable, "
        f"{facts['statistics']:,} statistics",
        f"FLOPs         {flops:,.1f} M per frame, "
        f"{flops * config.clip.num_segments:,.1f} M per clip",
        f"multiply-adds {facts['multiply_adds'] / 1e6:,.1f} M per clip",
        f"caches        {caches}",
        f"stream        {stream}",
    ]
    return "\n".join(lines)


def _block_of(name, backbone):
    """Returns the name of the row that a layer belongs to, or None."""
    if name.startswith(DETECTOR):
        # Each level of the pyramid and each output is one row.
        return re.sub(r"_(lateral|upsample|add|smooth)(_.*)?$", "", name)
    return name if belongs_to_head(name) else BACKBONES[backbone].part_of(name)


def _stages(temporal):
    if not temporal.stages:
        return "in all stages"
    return f"in stages {', '.join(map(str, temporal.stages))}"


def _causal(temporal):
    if not temporal.causal_stages:
        return ""
    return f", causal in {', '.join(map(str, temporal.causal_stages))}"


def _stream_text(time, frame_interval):
    """Says how late a stream answers, and which frames an answer depends on."""
    earlier = f"{time.past:.0f}" if time.past < math.inf else "all"
    frames = f"depends on {earlier} earlier frames"
    if not time.late:
        return f"without delay; {frames}"
    delay = delay_text(time.late, frame_interval)
    return f"{delay} late, with --lookahead; {frames} and {time.late} later"


def model_facts(model: keras.Model) -> dict[str, Any]:
    """Counts the parameters, FLOPs and caches of a model.

    Returns:
        A dictionary. `trainable` counts the parameters that training changes,
        and `statistics` the moving averages of batch normalization.
        `flops_per_frame` is what TensorFlow's profiler counts for one frame: a
        multiplication and an addition are two, and the shift adds none.
        `multiply_adds` are those of one clip, as papers count them.
        `cache_elements` lists the number of elements of each cache of a
        stream; it is empty if the model cannot stream.
    """
    config = model.video_config
    return _facts(model, _stream_time(config) if config.can_stream else None)


def _facts(model, time):
    config = model.video_config
    # Keras calls the weights of a frozen batch normalization untrainable, so
    # the moving averages are told apart by name.
    statistics = sum(
        _count([weight]) for weight in model.weights if "moving_" in weight.name
    )
    return {
        "trainable": _count(model.weights) - statistics,
        "statistics": statistics,
        "flops_per_frame": _flops(model) // config.clip.num_segments,
        "multiply_adds": multiply_adds(config),
        "cache_elements": _cache_elements(time) if time else [],
    }


def _stream_time(config):
    """Returns the `StreamTime` of a stream with lookahead, if it can stream."""
    if not config.can_stream_late:
        return None
    return build_streaming_model(config, lookahead=True).stream_time


def _cache_elements(time):
    return [int(np.prod(time.inputs[name].shape[1:])) for name in time.frames]


def _backbone_text(backbone):
    text = f"{backbone.name}, width {backbone.width}"
    if backbone.name != "x3d":
        return text
    return (
        f"{text}, depth {backbone.depth}, bottleneck {backbone.bottleneck}, "
        f"{backbone.activation}"
    )


def _temporal_text(temporal):
    if temporal.operator in ("none", "shift"):
        return (
            f"{temporal.shift} shift, 1/{temporal.shift_div}, "
            f"{temporal.placement}, {_stages(temporal)}{_causal(temporal)}"
        )
    direction = "causal" if temporal.causal else "centred"
    if temporal.operator == "conv3d":
        return f"conv3d, {direction}, context: {temporal.seen}"
    kernels = ", ".join(map(str, temporal.kernels))
    dilations = ", ".join(map(str, temporal.dilations)) or "1"
    return (
        f"{temporal.operator}, {direction}, kernels {kernels}, "
        f"dilations {dilations}, {temporal.placement}, {_stages(temporal)}"
        f"{_causal(temporal)}"
    )


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


def _count(weights):
    return sum(int(np.prod(weight.shape)) for weight in weights)
