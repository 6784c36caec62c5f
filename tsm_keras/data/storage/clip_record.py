"""ClipRecord: writes and reads one clip as one SequenceExample.

The keys are those of MediaSequence
(mediapipe/util/sequence/media_sequence.py), plus `clip/label/text` for DMVR.
Readers of MediaSequence, DMVR and Model Garden understand these records. Frames
are JPEG files, which stay encoded until a reader has chosen some of them.

With several heads, the name of the head is MediaSequence's prefix of the keys
of its label, as in `verb/clip/label/index`.

Only `parse_clip` needs TensorFlow. The processes of `tsm prepare` write records
without it: importing it in each of them would take longer than many clips.
"""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tsm_keras.data.storage.wire_format import entry, feature, message

if TYPE_CHECKING:
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

    def feature_lists(self) -> dict[str, Sequence[Any]]:
        """Returns the keys that have a value for each frame, in order."""
        return {key: getattr(self, field) for field, key, _ in _FRAMES}


# The field of `ClipRecord`, its keys and its dtype. A field with two keys is
# written to both and read from the first.
_CONTEXT = (
    ("dataset_name", ("example/dataset_name",), "string"),
    ("data_path", ("clip/data_path",), "string"),
    ("start", ("clip/start/timestamp",), "int64"),
    ("end", ("clip/end/timestamp",), "int64"),
    ("height", ("image/height",), "int64"),
    ("width", ("image/width",), "int64"),
    ("frame_rate", ("image/frame_rate",), "float32"),
)
# The same for the fields that have one value per head.
_LABELS = (
    ("label", ("clip/label/index",), "int64"),
    ("label_name", ("clip/label/string", "clip/label/text"), "string"),
)
_FRAMES = (
    ("frames", "image/encoded", "string"),
    ("timestamps", "image/timestamp", "int64"),
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
        heads: The name of each head, in the order of the labels of the clip;
            empty if the clip has no label.
    """
    context = {
        key: getattr(clip, field) for field, keys, _ in _CONTEXT for key in keys
    }
    for field, keys, _ in _LABELS:
        value = getattr(clip, field)
        values = value if isinstance(value, tuple) else (value,)
        for head, one in zip(heads, values, strict=True):
            context |= {_key(key, head): one for key in keys}
    context |= _CONSTANTS
    features = b"".join(
        entry(key, feature(context[key])) for key in sorted(context)
    )
    lists = b"".join(
        entry(key, b"".join(message(1, feature(value)) for value in values))
        for key, values in clip.feature_lists().items()
    )
    return message(1, features) + message(2, lists)


def parse_clip(
    serialized: "tf.Tensor", heads: Sequence[str] = ("",)
) -> dict[str, "tf.Tensor"]:
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
    import tensorflow as tf

    dtypes = {keys[0]: dtype for _, keys, dtype in _CONTEXT} | {
        _key(keys[0], head): dtype
        for _, keys, dtype in _LABELS
        for head in heads
    }
    context, lists = tf.io.parse_single_sequence_example(
        serialized,
        context_features={
            key: tf.io.FixedLenFeature([], tf.as_dtype(dtype))
            for key, dtype in dtypes.items()
        },
        sequence_features={
            key: tf.io.FixedLenSequenceFeature([], tf.as_dtype(dtype))
            for _, key, dtype in _FRAMES
        },
    )
    fields = {field: context[keys[0]] for field, keys, _ in _CONTEXT}
    for field, keys, _ in _LABELS:
        values = [context[_key(keys[0], head)] for head in heads]
        fields[field] = values[0] if len(values) == 1 else tf.stack(values)
    return fields | {field: lists[key] for field, key, _ in _FRAMES}


def parse_record(serialized: bytes, heads: Sequence[str] = ("",)) -> ClipRecord:
    """Returns a record, without tensors.

    Args:
        serialized: A serialized SequenceExample, or only its first bytes up to
            `context_end`; the clip then has no frames.
        heads: The name of each head.
    """
    import tensorflow as tf

    example = tf.train.SequenceExample.FromString(serialized)
    feature = example.context.feature

    def values(key, dtype):
        one = feature[key]
        if dtype == "string":
            (text,) = one.bytes_list.value
            return text.decode("utf-8", "surrogateescape")
        if dtype == "float32":
            return one.float_list.value[0]
        return one.int64_list.value[0]

    fields = {field: values(keys[0], dtype) for field, keys, dtype in _CONTEXT}
    for field, keys, dtype in _LABELS:
        several = [values(_key(keys[0], head), dtype) for head in heads]
        fields[field] = several[0] if len(several) == 1 else tuple(several)
    lists = example.feature_lists.feature_list
    return ClipRecord(
        **fields,
        frames=tuple(
            x.bytes_list.value[0] for x in lists["image/encoded"].feature
        ),
        timestamps=tuple(
            x.int64_list.value[0] for x in lists["image/timestamp"].feature
        ),
    )


def context_end(start: bytes) -> int:
    """Returns where everything about a clip but its frames ends in a record.

    Args:
        start: The first 11 bytes of the record, or more.
    """
    size = shift = 0
    for place, byte in enumerate(start[1:], start=2):
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return place + size
    raise ValueError(
        f"A record must begin with its context. Received: {start!r}"
    )


def _key(key, head):
    """Returns a key of MediaSequence with the prefix of a head."""
    return f"{head}/{key}" if head else key
