"""One clip is one SequenceExample: how it is written and read.

The keys are MediaSequence's (mediapipe/util/sequence/media_sequence.py) plus
`clip/label/text`, which DMVR reads, so readers of either, and Model Garden's,
understand these records. Frames are JPEG and stay encoded until a reader has
chosen among them.
"""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class ClipRecord:
    """A clip as it lies in a shard.

    Times are microseconds on the clock of the file that the clip is from.

    Attributes:
        frames: JPEG files, one a frame, all of one size.
        timestamps: When each frame is shown; strictly ascending.
        height: Of the frames, in pixels.
        width: Of the frames, in pixels.
        frame_rate: Frames a second.
        label: Class number.
        label_name: Class name.
        data_path: The file or folder the clip is from, in its collection.
        dataset_name: The collection.
        start: When the first frame is shown.
        end: When the last frame is gone.
    """

    frames: tuple[bytes, ...]
    timestamps: tuple[int, ...]
    height: int
    width: int
    frame_rate: float
    label: int
    label_name: str
    data_path: str
    dataset_name: str
    start: int
    end: int


# Field of `ClipRecord`, keys, dtype. A field with two keys is written to both
# and read from the first.
_CONTEXT = (
    ("dataset_name", ("example/dataset_name",), tf.string),
    ("data_path", ("clip/data_path",), tf.string),
    ("start", ("clip/start/timestamp",), tf.int64),
    ("end", ("clip/end/timestamp",), tf.int64),
    ("label", ("clip/label/index",), tf.int64),
    ("label_name", ("clip/label/string", "clip/label/text"), tf.string),
    ("height", ("image/height",), tf.int64),
    ("width", ("image/width",), tf.int64),
    ("frame_rate", ("image/frame_rate",), tf.float32),
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


def serialize_clip(clip: ClipRecord) -> bytes:
    """Returns a clip as a SequenceExample; equal clips give equal bytes."""
    context = {
        key: _feature(getattr(clip, field))
        for field, keys, _ in _CONTEXT
        for key in keys
    }
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


def parse_clip(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """Reads a record, inside tf.data or out of it; decodes no frame.

    Args:
        serialized: A SequenceExample, scalar string.

    Returns:
        The fields of `ClipRecord` by name: `frames` `[T]` string (still
        JPEG), `timestamps` `[T]` int64, the others scalars (int64, float32
        or string). Gather from `frames` before `tf.io.decode_jpeg`.
    """
    context, lists = tf.io.parse_single_sequence_example(
        serialized,
        context_features={
            keys[0]: tf.io.FixedLenFeature([], dtype)
            for _, keys, dtype in _CONTEXT
        },
        sequence_features={
            key: tf.io.FixedLenSequenceFeature([], dtype)
            for _, key, dtype in _FRAMES
        },
    )
    fields = {field: context[keys[0]] for field, keys, _ in _CONTEXT}
    return fields | {field: lists[key] for field, key, _ in _FRAMES}


def _feature(value):
    if isinstance(value, str):
        # A file's name may hold bytes that are no UTF-8.
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    if isinstance(value, float):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
