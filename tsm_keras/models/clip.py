"""build_clip_model: a network that makes one prediction per clip."""

from tensorflow import keras

from tsm_keras.layers.fold_time import FoldTime
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.network import frame_logits
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.time import ClipTime
from tsm_keras.models.weights import rebuild


def build_clip_model(
    config: VideoClassifierConfig, *, return_frame_logits: bool = False
) -> keras.Model:
    """Builds a network that classifies clips, with random weights.

    Time is folded into the batch, the 2-D network with its temporal operators
    runs on all frames, and the frames' logits are averaged.

    Args:
        config: The config of the network. The model keeps it as
            `video_config`.
        return_frame_logits: Whether to return the logits of each frame too.

    Returns:
        A functional model. Input: `[B, T, image_size, image_size, 3]` RGB in
        0..255, any dtype (a network for optical flow takes `input_channels`
        channels). Output: `[B, num_classes]` logits in `full_precision()`; for
        several heads, a dictionary of them with the names `logits_verb` and so
        on. With `return_frame_logits`, the output is a dictionary with these
        `logits` and with `frame_logits`, `[B, T, num_classes]`, per head; X3D
        with the clip as its context has no logits of single frames, and
        returns `[B, 1, num_classes]`.
    """
    size = config.input.image_size
    clip = keras.Input(
        (config.clip.num_segments, size, size, config.input.channels),
        name="clip",
    )
    frames = FoldTime(name="fold_time")(clip)
    model = keras.Model(
        clip,
        _sole(_clip_logits(frames, config)),
        name=f"{config.backbone.name}_clip",
    )
    model.video_config = config
    return with_frame_logits(model) if return_frame_logits else model


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
    """Returns a network that classifies one clip, for export.

    The frames of the clip form the batch in all layers, and the shift moves
    channels along the batch axis. The network thus needs no tensors of rank 5,
    which GPU delegates refuse.

    Args:
        model: From `build_clip_model` or `load_preset`.
        image_size: Size of the frames in pixels; None for the model's own.

    Returns:
        A functional model from a dictionary to a dictionary. Input: `clip`,
        `[T, image_size, image_size, 3]` RGB in 0..255. Output: `logits`,
        `[1, num_classes]`, or for several heads `logits_verb` and so on.
    """
    config = model.video_config.with_image_size(image_size)
    return rebuild(model, config, build_single_clip)


def build_single_clip(config: VideoClassifierConfig) -> keras.Model:
    """Builds the network of `to_single_clip`, with random weights."""
    size = config.input.image_size
    clip = keras.Input(
        (size, size, config.input.channels),
        batch_size=config.clip.num_segments,
        name="clip",
    )
    model = keras.Model(
        {"clip": clip},
        _clip_logits(clip, config),
        name=f"{config.backbone.name}_single_clip",
    )
    model.video_config = config
    return model


def _clip_logits(frames, config):
    """Returns the logits of whole clips, given their frames `[B * T, ...]`."""
    time = ClipTime(config.clip.num_segments)
    # X3D may have averaged over the clip before it is classified.
    rows = ClipTime(1 if averages_clips(config) else time.num_segments)
    return {
        name: rows.mean(logits, name=name)
        for name, logits in frame_logits(frames, config, time).items()
    }


def averages_clips(config: VideoClassifierConfig) -> bool:
    """Returns whether a network classifies whole clips and not frames."""
    temporal = config.temporal
    return temporal.operator == "conv3d" and temporal.seen == "clip"


def _sole(outputs):
    """Returns the only output of a dictionary, or the dictionary."""
    if len(outputs) > 1:
        return outputs
    (only,) = outputs.values()
    return only
