import dataclasses

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tsm_keras.data.storage.clip_record import (
    ClipRecord,
    context_end,
    parse_clip,
    parse_record,
    serialize_clip,
)

_INT = st.integers(-(1 << 63), (1 << 63) - 1)
_TEXT = st.text(max_size=20)
_CLIPS = st.integers(1, 5).flatmap(
    lambda length: st.builds(
        ClipRecord,
        frames=st.tuples(*[st.binary(max_size=20)] * length),
        timestamps=st.tuples(*[_INT] * length),
        height=_INT,
        width=_INT,
        frame_rate=st.floats(1, 1000, width=32),
        label=_INT,
        label_name=_TEXT,
        data_path=_TEXT,
        dataset_name=_TEXT,
        start=_INT,
        end=_INT,
    )
)

CLIP = ClipRecord(
    frames=(b"one", b"two"),
    timestamps=(40_000, 80_000),
    height=256,
    width=340,
    frame_rate=25.0,
    label=3,
    label_name="wave",
    data_path="wave/1.mp4",
    dataset_name="gestures",
    start=40_000,
    end=120_000,
)


@settings(max_examples=30, deadline=None)
@given(_CLIPS)
def test_what_is_written_is_parsed(clip):
    parsed = parse_clip(serialize_clip(clip))
    for field in dataclasses.fields(ClipRecord):
        expected = getattr(clip, field.name)
        found = parsed[field.name].numpy()
        if field.name in ("frames", "timestamps"):
            assert tuple(found.tolist()) == expected
        elif isinstance(expected, str):
            assert found.decode() == expected
        else:
            assert found == expected
    assert serialize_clip(dataclasses.replace(clip)) == serialize_clip(clip)


@settings(max_examples=30, deadline=None)
@given(_CLIPS)
def test_the_bytes_are_those_of_protocol_buffers(clip):
    serialized = serialize_clip(clip)
    example = tf.train.SequenceExample.FromString(serialized)
    assert example.SerializeToString(deterministic=True) == serialized
    assert parse_record(serialized) == clip
    context = serialized[: context_end(serialized[:11])]
    without = dataclasses.replace(clip, frames=(), timestamps=())
    assert parse_record(context) == without


def test_parsing_works_inside_a_graph():
    data = tf.data.Dataset.from_tensors(serialize_clip(CLIP)).map(parse_clip)
    assert data.element_spec["frames"].shape.as_list() == [None]
    assert data.element_spec["label"].shape.as_list() == []
    (parsed,) = data.as_numpy_iterator()
    np.testing.assert_array_equal(parsed["frames"], [b"one", b"two"])


def test_a_name_that_is_not_utf8_keeps_its_bytes():
    path = b"caf\xe9/1.mp4"
    clip = dataclasses.replace(
        CLIP, data_path=path.decode("utf-8", "surrogateescape")
    )
    assert parse_clip(serialize_clip(clip))["data_path"].numpy() == path


def test_others_read_the_records_by_mediasequence_keys():
    # Only what MediaSequence, DMVR and Model Garden document: no code of ours.
    context, lists = tf.io.parse_single_sequence_example(
        serialize_clip(CLIP),
        context_features={
            "example/dataset_name": tf.io.FixedLenFeature([], tf.string),
            "clip/data_path": tf.io.FixedLenFeature([], tf.string),
            "clip/start/timestamp": tf.io.FixedLenFeature([], tf.int64),
            "clip/end/timestamp": tf.io.FixedLenFeature([], tf.int64),
            "clip/label/index": tf.io.VarLenFeature(tf.int64),
            "clip/label/string": tf.io.VarLenFeature(tf.string),
            "clip/label/text": tf.io.VarLenFeature(tf.string),
            "image/format": tf.io.FixedLenFeature([], tf.string),
            "image/colorspace": tf.io.FixedLenFeature([], tf.string),
            "image/channels": tf.io.FixedLenFeature([], tf.int64),
            "image/height": tf.io.FixedLenFeature([], tf.int64),
            "image/width": tf.io.FixedLenFeature([], tf.int64),
            "image/frame_rate": tf.io.FixedLenFeature([], tf.float32),
        },
        sequence_features={
            "image/encoded": tf.io.FixedLenSequenceFeature([], tf.string),
            "image/timestamp": tf.io.FixedLenSequenceFeature([], tf.int64),
        },
    )
    found = {
        key: np.asarray(
            value.values if isinstance(value, tf.SparseTensor) else value
        ).tolist()
        for key, value in (context | lists).items()
    }
    assert found == {
        "example/dataset_name": b"gestures",
        "clip/data_path": b"wave/1.mp4",
        "clip/start/timestamp": 40_000,
        "clip/end/timestamp": 120_000,
        "clip/label/index": [3],
        "clip/label/string": [b"wave"],
        "clip/label/text": [b"wave"],
        "image/format": b"JPEG",
        "image/colorspace": b"RGB",
        "image/channels": 3,
        "image/height": 256,
        "image/width": 340,
        "image/frame_rate": 25.0,
        "image/encoded": [b"one", b"two"],
        "image/timestamp": [40_000, 80_000],
    }
