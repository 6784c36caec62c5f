"""ClipRecord: writes and reads one clip as one SequenceExample.

The keys are those of MediaSequence
(mediapipe/util/sequence/media_sequence.py), plus `clip/label/text` for DMVR.
Readers of MediaSequence, DMVR and Model Garden understand these records. Frames
are JPEG files, which stay encoded until a reader has chosen some of them.

With several heads, the name of the head is MediaSequence's prefix of the keys
of its label, as in `verb/clip/label/index`.
"""

import dataclasses
from collections.abc import Sequence

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class ClipRecord:
    """A clip as it is stored in a shard.

    Times are in microseconds on the clock of the source file.

    Attributes:
        frames: One JPEG file per frame, all of the same height and width.
        timestamps: The time at which each frame is shown; strictly ascending.
        height: Height of the frames in pixels.
        width: Width of the frames in pixels.
        frame_rate: The number of frames per second.
        label: Class number; with several heads a tuple, one number per head.
        label_name: Class name; with several heads a tuple, one name per head.
        data_path: Path of the source file or folder within the collection.
        dataset_name: Name of the data set.
        start: The time at which the first frame is shown.
        end: The time at which the last frame ends.
    """

    frames: tuple[bytes, ...]
    timestamps: tuple[int, ...]
    height: int
    width: int
    frame_rate: float
    label: int | tuple[int, ...]
    label_name: str | tuple[str, ...]
    data_path: str
    dataset_name: str
    start: int
    end: int


# The field of `ClipRecord`, its keys and its dtype. A field with two keys is
# written to both and read from the first.
_CONTEXT = (
    ("dataset_name", ("example/dataset_name",), tf.string),
    ("data_path", ("clip/data_path",), tf.string),
    ("start", ("clip/start/timestamp",), tf.int64),
    ("end", ("clip/end/timestamp",), tf.int64),
    ("height", ("image/height",), tf.int64),
    ("width", ("image/width",), tf.int64),
    ("frame_rate", ("image/frame_rate",), tf.float32),
)
# The same for the fields that have one value per head.
_LABELS = (
    ("label", ("clip/label/index",), tf.int64),
    ("label_name", ("clip/label/string", "clip/label/text"), tf.string),
)
_FRAMES = (
    ("frames", "image/encoded", tf.string),
    ("timestamps", "image/timestamp", tf.int64),
)
_CONSTANTS = {
    "image/format": "JPEG",
    "image/colorspace": "RGB",
    "image/channels": 3,
}


def serialize_clip(clip: ClipRecord, heads: Sequence[str] = ("",)) -> bytes:
    """Returns a clip as a SequenceExample; equal clips give equal bytes.

    Args:
        clip: The clip.
        heads: The name of each head, in the order of the labels of the clip.
    """
    context = {
        key: _feature(getattr(clip, field))
        for field, keys, _ in _CONTEXT
        for key in keys
    }
    for field, keys, _ in _LABELS:
        value = getattr(clip, field)
        values = value if isinstance(value, tuple) else (value,)
        for head, one in zip(heads, values, strict=True):
            context |= {_key(key, head): _feature(one) for key in keys}
    context |= {key: _feature(value) for key, value in _CONSTANTS.items()}
    lists = {
        key: tf.train.FeatureList(
            feature=[_feature(value) for value in getattr(clip, field)]
        )
        for field, key, _ in _FRAMES
    }
    example = tf.train.SequenceExample(
        context=tf.train.Features(feature=context),
        feature_lists=tf.train.FeatureLists(feature_list=lists),
    )
    return example.SerializeToString(deterministic=True)


def parse_clip(
    serialized: tf.Tensor, heads: Sequence[str] = ("",)
) -> dict[str, tf.Tensor]:
    """Parses a record, eagerly or inside tf.data, without decoding frames.

    Args:
        serialized: A serialized SequenceExample, scalar string.
        heads: The name of each head whose label is parsed.

    Returns:
        The fields of `ClipRecord` by name: `frames`, `[T]` string, which are
        JPEG files; `timestamps`, `[T]` int64; all others are scalars (int64,
        float32 or string), or, with several heads, `label` and `label_name`
        are vectors. Choose from `frames` before decoding them.
    """
    dtypes = {keys[0]: dtype for _, keys, dtype in _CONTEXT} | {
        _key(keys[0], head): dtype
        for _, keys, dtype in _LABELS
        for head in heads
    }
    context, lists = tf.io.parse_single_sequence_example(
        serialized,
        context_features={
            key: tf.io.FixedLenFeature([], dtype)
            for key, dtype in dtypes.items()
        },
        sequence_features={
            key: tf.io.FixedLenSequenceFeature([], dtype)
            for _, key, dtype in _FRAMES
        },
    )
    fields = {field: context[keys[0]] for field, keys, _ in _CONTEXT}
    for field, keys, _ in _LABELS:
        values = [context[_key(keys[0], head)] for head in heads]
        fields[field] = values[0] if len(values) == 1 else tf.stack(values)
    return fields | {field: lists[key] for field, key, _ in _FRAMES}


def _key(key, head):
    """Returns a key of MediaSequence with the prefix of a head."""
    return f"{head}/{key}" if head else key


def _feature(value):
    if isinstance(value, str):
        # The name of a file may have bytes that are not UTF-8.
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if isinstance(value, float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
