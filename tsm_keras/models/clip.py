"""build_clip_model: a network that takes whole clips."""

from tensorflow import keras

from tsm_keras.layers.fold_time import FoldTime
from tsm_keras.layers.unfold_time import UnfoldTime
from tsm_keras.models.config import NetworkConfig, VideoDetectorConfig
from tsm_keras.models.network import frame_outputs
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.time import ClipTime, full_precision
from tsm_keras.models.weights import rebuild


def build_clip_model(
    config: NetworkConfig, *, return_frame_logits: bool = False
) -> keras.Model:
    """Builds a network that takes clips, with random weights.

    Time is folded into the batch, and the 2-D network with its temporal
    operators runs on all frames. A classifier averages the frames' logits.

    Args:
        config: The config of the network. The model keeps it as
            `video_config`.
        return_frame_logits: Whether a classifier returns the logits of each
            frame too.

    Returns:
        A functional model. Input: `[B, T, image_size, image_size, 3]` RGB in
        0..255, any dtype (a network for optical flow takes `input_channels`
        channels). For a `VideoDetectorConfig`, it is the model of
        `build_detector_clip_model`. The output of a classifier is
        `[B, num_classes]` logits in `full_precision()`; for several heads, a
        dictionary of them with the names `logits_verb` and so on. With
        `return_frame_logits`, the output is a dictionary with these `logits`
        and with `frame_logits`, `[B, T, num_classes]`, per head; X3D with the
        clip as its context has no logits of single frames, and returns
        `[B, 1, num_classes]`.
    """
    if isinstance(config, VideoDetectorConfig):
        return build_detector_clip_model(config)
    clip, frames = _folded_input(config)
    outputs = _sole(_single_clip_outputs(frames, config))
    model = _clip_model(clip, outputs, config)
    return with_frame_logits(model) if return_frame_logits else model


def build_detector_clip_model(config: VideoDetectorConfig) -> keras.Model:
    """Builds a network that detects objects in each frame of clips.

    Args:
        config: The config of the network. The model keeps it as
            `video_config`.

    Returns:
        A functional model with random weights. Its input is that of
        `build_clip_model`. Its output is a dictionary in `full_precision()`:
        `heatmap`, `[B, T, grid, grid, K]` logits of K classes; `box_size` and
        `box_offset`, `[B, T, grid, grid, 2]`; see `detection_maps`.
    """
    clip, frames = _folded_input(config)
    time = ClipTime(config.clip.num_segments)
    maps = {
        name: UnfoldTime(time.num_segments, dtype=full_precision(), name=name)(
            output
        )
        for name, output in frame_outputs(frames, config, time).items()
    }
    return _clip_model(clip, maps, config)


def _folded_input(config):
    """Returns the input of a clip model, and its frames `[B * T, ...]`."""
    size = config.input.image_size
    clip = keras.Input(
        (config.clip.num_segments, size, size, config.input.channels),
        name="clip",
    )
    return clip, FoldTime(name="fold_time")(clip)


def _clip_model(clip, outputs, config):
    model = keras.Model(clip, outputs, name=f"{config.backbone.name}_clip")
    model.video_config = config
    return model


def with_frame_logits(model: keras.Model) -> keras.Model:
    """Returns a clip model that also outputs the logits of each frame.

    It shares its layers and weights with `model`, and has the outputs of
    `build_clip_model(return_frame_logits=True)`.
    """
    outputs = {}
    for head in model.video_config.heads:
        name = head.output
        outputs[name] = model.get_layer(name).output
        outputs[f"frame_{name}"] = model.get_layer(f"{name}_frames").output
    view = keras.Model(model.inputs[0], outputs, name=model.name)
    view.video_config = model.video_config
    return view


@without_mixed_precision()
def to_single_clip(
    model: keras.Model, *, image_size: int | None = None
) -> keras.Model:
    """Returns a network that takes one clip, for export.

    The frames of the clip form the batch in all layers, and the shift moves
    channels along the batch axis. The network thus needs no tensors of rank 5,
    which GPU delegates refuse.

    Args:
        model: From `build_clip_model` or `load_preset`.
        image_size: Size of the frames in pixels; None for the model's own.

    Returns:
        A functional model from a dictionary to a dictionary. Input: `clip`,
        `[T, image_size, image_size, 3]` RGB in 0..255. Output of a classifier:
        `logits`, `[1, num_classes]`, or for several heads `logits_verb` and so
        on. Output of a detector: `detection_maps` of the T frames.
    """
    config = model.video_config.with_image_size(image_size)
    return rebuild(model, config, build_single_clip)


def build_single_clip(config: NetworkConfig) -> keras.Model:
    """Builds the network of `to_single_clip`, with random weights."""
    size = config.input.image_size
    clip = keras.Input(
        (size, size, config.input.channels),
        batch_size=config.clip.num_segments,
        name="clip",
    )
    model = keras.Model(
        {"clip": clip},
        _single_clip_outputs(clip, config),
        name=f"{config.backbone.name}_single_clip",
    )
    model.video_config = config
    return model


def _single_clip_outputs(frames, config):
    """Returns what a network says of clips, given their frames `[B * T, ...]`.

    A classifier averages the logits of each clip; a detector keeps its frames.
    """
    time = ClipTime(config.clip.num_segments)
    outputs = frame_outputs(frames, config, time)
    if isinstance(config, VideoDetectorConfig):
        return outputs
    # X3D may have averaged over the clip before it is classified.
    rows = ClipTime(1 if averages_clips(config) else time.num_segments)
    return {
        name: rows.mean(logits, name=name) for name, logits in outputs.items()
    }


def averages_clips(config: NetworkConfig) -> bool:
    """Returns whether a network classifies whole clips and not frames."""
    temporal = config.temporal
    return temporal.operator == "conv3d" and temporal.seen == "clip"


def _sole(outputs):
    """Returns the only output of a dictionary, or the dictionary."""
    if len(outputs) > 1:
        return outputs
    (only,) = outputs.values()
    return only
