"""build_streaming_model: a network that takes a stream frame by frame."""

import functools

from tensorflow import keras

from tsm_keras.models.config import NetworkConfig, VideoDetectorConfig
from tsm_keras.models.network import frame_outputs
from tsm_keras.models.precision import without_mixed_precision
from tsm_keras.models.stream_time import StreamTime
from tsm_keras.models.weights import rebuild


@without_mixed_precision()
def build_streaming_model(
    config: NetworkConfig,
    *,
    streams: int | None = 1,
    lookahead: bool = False,
) -> keras.Model:
    """Builds a network that takes streams frame by frame.

    Its layers with weights have the same names as in the clip model, so that
    `copy_weights` can fill it. Fed the frames of a clip one after the other,
    it returns the same outputs for each frame as the causal clip model.

    With lookahead, it returns the outputs of the clip model that looks ahead,
    each some steps later than its frame; see `StreamTime`. If the clip model
    does not look ahead, lookahead changes nothing. Detectors do not look ahead.

    Args:
        config: The config of the network. Without lookahead, its temporal
            operators must not look ahead.
        streams: N, the number of streams in a batch; None allows any number.
        lookahead: Whether the network waits for later frames.

    Returns:
        A functional model from a dictionary to a dictionary. Inputs: `frame`,
        `[N, image_size, image_size, 3]` RGB in 0..255, and one `cache_kk` per
        tensor that a temporal operator remembers, which is zero at the start of
        a stream: `[N, H, W, fold]` for a shift; a convolution in time arranges
        its cache itself (`ChannelwiseConvolution`).
        Outputs: `logits`, `[N, num_classes]` (for several heads
        `logits_verb` and so on; for a detector its `detection_maps`), and one
        `cache_kk_out` per cache, which is fed to `cache_kk` with the next
        frame. A network that looks ahead has the input `valid` too,
        `[N, 1, 1, M]`; see `StreamTime`. The model's attribute `cache_frames`
        gives the number of frames that each cache remembers, and `stream_time`
        is its `StreamTime`, which says how late the outputs are.

    Raises:
        ValueError: If `config` cannot stream; see `expect_streamable`.
    """
    expect_streamable(config, lookahead=lookahead)
    size = config.input.image_size
    frame = keras.Input(
        (size, size, config.input.channels), batch_size=streams, name="frame"
    )
    time = StreamTime(streams, lookahead=lookahead)
    outputs = frame_outputs(frame, config, time)
    if time.entries:
        # Only the complete network tells how many entries `valid` has.
        time = StreamTime(streams, lookahead=True, entries=time.entries)
        outputs = frame_outputs(frame, config, time)
    model = keras.Model(
        {"frame": frame, **time.inputs},
        {**outputs, **time.outputs},
        name=f"{config.backbone.name}_streaming",
    )
    model.video_config = config
    model.stream_time = time
    model.cache_frames = time.frames
    return model


def expect_streamable(
    config: NetworkConfig, *, lookahead: bool = False
) -> None:
    """Checks that a network can stream.

    Args:
        config: The config of the network.
        lookahead: Whether the network may wait for later frames.

    Raises:
        ValueError: If the network has non-local blocks or averages over clips,
            or it looks ahead and `lookahead` is false or it is a detector.
    """
    if config.temporal.non_local:
        raise ValueError(
            "A non-local block looks across the whole clip, so it cannot "
            "stream: train with non_local=False. Received: non_local=True"
        )
    temporal = config.temporal
    received = (
        f"Received: operator={temporal.operator!r}, causal={temporal.causal}"
    )
    if isinstance(config, VideoDetectorConfig) and not config.can_stream:
        raise ValueError(
            "Only a causal detector can stream, as a detector adds features "
            "that would wait for different numbers of later frames: train with "
            f"causal=True (shift='causal'). {received}"
        )
    if not config.can_stream_late:
        raise ValueError(
            "A mean over the whole clip needs all later frames, so it cannot "
            "stream: train with context='past' or context='frame'. "
            f"{received}, context={temporal.context!r}"
        )
    if config.can_stream or lookahead:
        return
    time = build_streaming_model(config, lookahead=True).stream_time
    delay = delay_text(time.late, config.clip.frame_interval)
    raise ValueError(
        "This network needs later frames, so it cannot stream without delay. "
        f"With lookahead=True (--lookahead), it answers {delay} late. "
        "Without delay, only a network that was trained with causal=True "
        "(shift='causal') can stream; the weights of this one would be wrong "
        f"in it. {received}"
    )


def delay_text(frames: int, frame_interval: float) -> str:
    """Returns a number of frames and their duration, if it is known.

    >>> delay_text(5, 0.08)
    '5 frames (0.4 s)'
    """
    seconds = frames * frame_interval
    text = "1 frame" if frames == 1 else f"{frames} frames"
    return f"{text} ({seconds:.2g} s)" if seconds else text


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
    lookahead: bool = False,
) -> keras.Model:
    """Returns the streaming model of a trained clip model.

    Args:
        model: From `build_clip_model` or `load_preset`.
        streams: The number of streams in a batch, as in
            `build_streaming_model`.
        image_size: Size of the frames in pixels; None for the model's own.
        lookahead: Whether the network waits for later frames, as in
            `build_streaming_model`.

    Raises:
        ValueError: If the model cannot stream.
    """
    config = model.video_config.with_image_size(image_size)
    build = functools.partial(
        build_streaming_model, streams=streams, lookahead=lookahead
    )
    return rebuild(model, config, build)
