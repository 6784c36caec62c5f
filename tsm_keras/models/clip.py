"""build_clip_model: whole clips in, one prediction a clip out."""

from tensorflow import keras

from tsm_keras.layers.fold_time import FoldTime
from tsm_keras.layers.segment_consensus import SegmentConsensus
from tsm_keras.layers.temporal_shift import TemporalShift
from tsm_keras.layers.unfold_time import UnfoldTime
from tsm_keras.models.backbones.convolution import TemporalHook
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.imagenet import imagenet_config, load_imagenet_weights
from tsm_keras.models.network import frame_logits, logits_dtype


def build_clip_model(
    config: VideoClassifierConfig,
    *,
    return_frame_logits: bool = False,
    pretrained: str | None = None,
) -> keras.Model:
    """Builds a network that classifies clips.

    Time is folded into the batch, the 2-D network with a `TemporalShift` at
    each mark runs on all frames, and the frames' logits are averaged.

    Args:
        config: What to build. The model carries it as `video_config`.
        return_frame_logits: Also return the logits of each frame.
        pretrained: None, or `"imagenet"` to start MobileNetV2 from the weights
            of `keras.applications`; the config's padding, epsilon and input
            range then become those of the weights.

    Returns:
        A functional model. Input: `[B, T, image_size, image_size, 3]` RGB in
        0..255, any dtype (`input_channels` in place of 3 if it is not RGB).
        Output: `[B, num_classes]` logits of `logits_dtype()`, or, with
        `return_frame_logits`, a dictionary of these as `logits` and
        `[B, T, num_classes]` as `frame_logits`.

    Raises:
        ValueError: If `pretrained` is unknown or has no weights for `config`.
        OSError: If the weights cannot be downloaded.
    """
    if pretrained not in (None, "imagenet"):
        raise ValueError(
            "`pretrained` must be None or 'imagenet'. "
            f"Received: pretrained={pretrained!r}"
        )
    if pretrained == "imagenet":
        config = imagenet_config(config)

    size = config.image_size
    clip = keras.Input(
        (config.num_segments, size, size, config.input_channels), name="clip"
    )
    frames = FoldTime(name="fold_time")(clip)
    logits = frame_logits(frames, config, shift_hook(config))
    dtype = logits_dtype()
    per_frame = UnfoldTime(
        config.num_segments, dtype=dtype, name="frame_logits"
    )(logits)
    consensus = SegmentConsensus(dtype=dtype, name="logits")(per_frame)
    outputs = consensus
    if return_frame_logits:
        outputs = {"logits": consensus, "frame_logits": per_frame}
    model = keras.Model(clip, outputs, name=f"{config.backbone}_clip")
    model.video_config = config
    if pretrained == "imagenet":
        load_imagenet_weights(model)
    return model


def shift_hook(config: VideoClassifierConfig) -> TemporalHook:
    """Returns the hook that mixes the frames of whole clips."""

    def temporal(x, name):
        if config.shift == "none":
            return x
        return TemporalShift(
            config.num_segments, config.shift_div, config.shift, name=name
        )(x)

    return temporal


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
