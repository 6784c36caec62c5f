"""to_single_clip: a clip model for one clip, whose tensors have four axes."""

from tensorflow import keras

from tsm_keras.layers.segment_consensus import SegmentConsensus
from tsm_keras.layers.unfold_time import UnfoldTime
from tsm_keras.models.clip import shift_hook
from tsm_keras.models.network import frame_logits, logits_dtype
from tsm_keras.models.weights import copy_weights


def to_single_clip(
    model: keras.Model, *, image_size: int | None = None
) -> keras.Model:
    """Returns a network that classifies one clip, for export.

    The frames are the batch from the first layer to the last, and the shift
    goes along the batch axis: a GPU delegate refuses tensors of rank 5, which
    folding and unfolding time would need.

    Args:
        model: From `build_clip_model` or `load_preset`.
        image_size: Of the frames, in pixels; None for the model's own.

    Returns:
        A functional model from a dictionary to a dictionary. Input: `clip`,
        `[T, image_size, image_size, 3]` RGB in 0..255. Output: `logits`,
        `[1, num_classes]`.
    """
    config = model.video_config
    if image_size is not None:
        config = config.with_image_size(image_size)
    size = config.image_size
    clip = keras.Input(
        (size, size, config.input_channels),
        batch_size=config.num_segments,
        name="clip",
    )
    logits = frame_logits(clip, config, shift_hook(config))
    dtype = logits_dtype()
    per_frame = UnfoldTime(
        config.num_segments, dtype=dtype, name="frame_logits"
    )(logits)
    consensus = SegmentConsensus(dtype=dtype, name="logits")(per_frame)
    single = keras.Model(
        {"clip": clip},
        {"logits": consensus},
        name=f"{config.backbone}_single_clip",
    )
    single.video_config = config
    copy_weights(model, single)
    return single
