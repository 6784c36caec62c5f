"""build_clip_model: whole clips in, one prediction per clip out."""

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

    Time is folded into the batch, the 2-D network with a temporal operator at
    each mark runs on all frames, and the frames' logits are averaged.

    Args:
        config: What to build. The model carries it as `video_config`.
        return_frame_logits: Also return the logits of each frame.

    Returns:
        A functional model. Input: `[B, T, image_size, image_size, 3]` RGB in
        0..255, any dtype (`input_channels` in place of 3 if it is not RGB).
        Output: `[B, num_classes]` logits of `full_precision()`, or, with
        `return_frame_logits`, a dictionary of these as `logits` and
        `[B, T, num_classes]` as `frame_logits`.
    """
    size = config.image_size
    clip = keras.Input(
        (config.num_segments, size, size, config.input_channels), name="clip"
    )
    frames = FoldTime(name="fold_time")(clip)
    model = keras.Model(
        clip, _clip_logits(frames, config), name=f"{config.backbone}_clip"
    )
    model.video_config = config
    return with_frame_logits(model) if return_frame_logits else model


def with_frame_logits(model: keras.Model) -> keras.Model:
    """Returns a view of a clip model that also returns the frames' logits.

    It shares `model`'s layers and weights, and its outputs are those of
    `build_clip_model(return_frame_logits=True)`.
    """
    outputs = {
        "logits": model.get_layer("logits").output,
        "frame_logits": model.get_layer("frame_logits").output,
    }
    view = keras.Model(model.inputs[0], outputs, name=model.name)
    view.video_config = model.video_config
    return view


@without_mixed_precision()
def to_single_clip(
    model: keras.Model, *, image_size: int | None = None
) -> keras.Model:
    """Returns a network that classifies one clip, for export.

    The frames are the batch from the first layer to the last, and time passes
    along the batch axis: a GPU delegate refuses tensors of rank 5, which
    folding and unfolding time would need.

    Args:
        model: From `build_clip_model` or `load_preset`.
        image_size: Size of the frames in pixels; None for the model's own.

    Returns:
        A functional model from a dictionary to a dictionary. Input: `clip`,
        `[T, image_size, image_size, 3]` RGB in 0..255. Output: `logits`,
        `[1, num_classes]`.
    """
    config = model.video_config.with_image_size(image_size)
    return rebuild(model, config, _build_single_clip)


def _build_single_clip(config):
    size = config.image_size
    clip = keras.Input(
        (size, size, config.input_channels),
        batch_size=config.num_segments,
        name="clip",
    )
    model = keras.Model(
        {"clip": clip},
        {"logits": _clip_logits(clip, config)},
        name=f"{config.backbone}_single_clip",
    )
    model.video_config = config
    return model


def _clip_logits(frames, config):
    """Returns the logits of whole clips, from their frames `[B * T, ...]`."""
    time = ClipTime(config.num_segments)
    return time.mean(frame_logits(frames, config, time), name="logits")
