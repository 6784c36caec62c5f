"""build_streaming_model: a network that takes a stream frame by frame."""

import functools

from tensorflow import keras

from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.network import frame_logits
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.time import StreamTime
from tsm_keras.models.weights import rebuild


@without_mixed_precision()
def build_streaming_model(
    config: VideoClassifierConfig, *, streams: int | None = 1
) -> keras.Model:
    """Builds a network that classifies streams frame by frame.

    Its layers with weights have the same names as in the clip model, so that
    `copy_weights` can fill it. Fed the frames of a clip one after the other,
    it returns the same logits for each frame as the causal clip model.

    Args:
        config: The config of the network; its temporal operators must not look
            ahead.
        streams: N, the number of streams in a batch; None allows any number.

    Returns:
        A functional model from a dictionary to a dictionary. Inputs: `frame`,
        `[N, image_size, image_size, 3]` RGB in 0..255, and one `cache_kk` per
        tensor that a temporal operator remembers, which is zero at the start of
        a stream: `[N, H, W, fold]` for a shift, and `[N, H, W, frames * C]` for
        a convolution.
        Outputs: `logits`, `[N, num_classes]` (for several heads
        `logits_verb` and so on), and one `cache_kk_out` per cache, which is
        fed to `cache_kk` with the next frame. The model's attribute
        `cache_frames` gives the number of frames that each cache remembers.

    Raises:
        ValueError: If the temporal operator of `config` looks ahead, or it has
            non-local blocks.
    """
    expect_streamable(config)
    size = config.input.image_size
    frame = keras.Input(
        (size, size, config.input.channels), batch_size=streams, name="frame"
    )
    time = StreamTime(streams)
    logits = frame_logits(frame, config, time)
    model = keras.Model(
        {"frame": frame, **time.inputs},
        {**logits, **time.outputs},
        name=f"{config.backbone.name}_streaming",
    )
    model.video_config = config
    model.cache_frames = time.frames
    return model


def expect_streamable(config: VideoClassifierConfig) -> None:
    """Checks that the logits of a frame do not depend on later frames.

    Raises:
        ValueError: If the temporal operator of `config` looks ahead, or it has
            non-local blocks.
    """
    if config.temporal.non_local:
        raise ValueError(
            "A non-local block looks across the whole clip, so it cannot "
            "stream: train with non_local=False. Received: non_local=True"
        )
    temporal = config.temporal
    if not config.can_stream and temporal.operator == "shift":
        raise ValueError(
            "A bidirectional shift needs the next frame, so it cannot stream: "
            'train with shift="causal" (weights of a bidirectional network '
            "are wrong in a causal one). Received: "
            f"shift={temporal.shift!r}"
        )
    if not config.can_stream:
        raise ValueError(
            "A convolution in time whose kernels reach ahead, or a mean over "
            "the clip, needs later frames, so it cannot stream: train with "
            f"causal=True. Received: operator={temporal.operator!r}, "
            f"causal={temporal.causal}, context={temporal.context!r}"
        )


def cache_shapes(model: keras.Model) -> dict[str, tuple[int, ...]]:
    """Returns the shape of each cache of a streaming model, in network order.

    The shapes leave out the first axis, N.
    """
    return {
        tensor.name.split(":")[0]: tuple(tensor.shape[1:])
        for tensor in sorted(model.inputs, key=lambda tensor: tensor.name)
        if tensor.name.startswith("cache_")
    }


def to_streaming(
    model: keras.Model,
    *,
    streams: int | None = 1,
    image_size: int | None = None,
) -> keras.Model:
    """Returns the streaming model of a trained clip model.

    Args:
        model: From `build_clip_model` or `load_preset`.
        streams: The number of streams in a batch, as in
            `build_streaming_model`.
        image_size: Size of the frames in pixels; None for the model's own.

    Raises:
        ValueError: If the model cannot stream.
    """
    config = model.video_config.with_image_size(image_size)
    build = functools.partial(build_streaming_model, streams=streams)
    return rebuild(model, config, build)
