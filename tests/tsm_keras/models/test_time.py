"""Clips and streams give a temporal operator the same frames."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.temporal_shift import fold_clips
from tsm_keras.models.stream_time import StreamTime
from tsm_keras.models.time import ClipTime

FRAMES, SIDE, CHANNELS = 6, 2, 3
DELAYS = (4, 2, 1, 0)  # The earliest frame first.


def random_clips(clips=2):
    shape = (clips, FRAMES, SIDE, SIDE, CHANNELS)
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def delayed(clips, frames):
    found = np.zeros_like(clips)
    for frame in range(FRAMES):
        if 0 <= frame - frames < FRAMES:
            found[:, frame] = clips[:, frame - frames]
    return found


def clip_network(operator, batch_size=None):
    """A network that applies `operator(x, time)` to folded clips."""
    x = keras.Input((SIDE, SIDE, CHANNELS), batch_size=batch_size)
    return keras.Model(x, operator(x, ClipTime(FRAMES)))


def stream_network(operator, streams=2):
    """The same network for one frame, with its `StreamTime`."""
    x = keras.Input((SIDE, SIDE, CHANNELS), batch_size=streams, name="frame")
    time = StreamTime(streams)
    outputs = {"mixed": operator(x, time), **time.outputs}
    return keras.Model({"frame": x, **time.inputs}, outputs), time


def streamed(network, time, clips):
    """Feeds clips frame by frame; returns `[B, T, ...]`."""
    caches = {
        name: tf.zeros((len(clips), *cache.shape[1:]))
        for name, cache in time.inputs.items()
    }
    found = []
    for frame in range(clips.shape[1]):
        outputs = network({"frame": tf.constant(clips[:, frame]), **caches})
        caches = {name: outputs[f"{name}_out"] for name in caches}
        found.append(outputs["mixed"].numpy())
    return np.stack(found, axis=1)


def all_delays(x, time):
    """Frames of several ages, one after the other along the channels."""
    parts = [
        time.delayed(x, frames, name=f"delay_{frames}") for frames in DELAYS
    ]
    return keras.layers.Concatenate()(parts)


@pytest.mark.parametrize("frames", [-7, -2, -1, 0, 1, 3, 9])
@pytest.mark.parametrize("alone", [True, False])
def test_a_clip_has_frames_of_any_age(frames, alone):
    clips = random_clips(1 if alone else 2)
    network = clip_network(
        lambda x, time: time.delayed(x, frames, name="delay"),
        batch_size=FRAMES if alone else None,
    )
    expected = fold_clips(delayed(clips, frames))
    np.testing.assert_array_equal(network(fold_clips(clips)), expected)


@pytest.mark.parametrize("frames", [1, 2, 5, 9])
def test_a_stream_remembers_what_a_clip_has(frames):
    clips = random_clips()

    def operator(x, time):
        return time.delayed(x, frames, name="delay")

    found = streamed(*stream_network(operator), clips)
    np.testing.assert_array_equal(found, delayed(clips, frames))


def test_several_ages_of_one_tensor_share_a_cache():
    """Which is of rank 4, with the earliest frame first."""
    clips = random_clips()
    network, time = stream_network(all_delays)
    assert [*time.inputs] == ["cache_00"]
    assert tuple(time.inputs["cache_00"].shape) == (2, SIDE, SIDE, 4 * CHANNELS)
    expected = np.concatenate([delayed(clips, x) for x in DELAYS], axis=-1)
    np.testing.assert_array_equal(streamed(network, time, clips), expected)
    in_clips = clip_network(all_delays)(fold_clips(clips))
    np.testing.assert_array_equal(in_clips, fold_clips(expected))
    cache = tf.reshape(
        tf.repeat(tf.range(4.0), CHANNELS), (1, 1, 1, 4 * CHANNELS)
    )
    outputs = network(
        {
            "frame": tf.fill((2, SIDE, SIDE, CHANNELS), 4.0),
            "cache_00": tf.broadcast_to(cache, (2, SIDE, SIDE, 4 * CHANNELS)),
        }
    )
    np.testing.assert_array_equal(
        outputs["cache_00_out"][0, 0, 0, ::CHANNELS], [1, 2, 3, 4]
    )


def test_caches_are_numbered_in_the_order_of_the_network():
    def operator(x, time):
        for index in range(3):
            x = time.delayed(x, 1, name=f"delay_{index}")
            x = keras.layers.ReLU()(x)
        return x

    _, time = stream_network(operator)
    assert [*time.inputs] == ["cache_00", "cache_01", "cache_02"]
    assert [*time.outputs] == [f"{name}_out" for name in time.inputs]


def test_a_stream_says_how_many_frames_each_cache_remembers():
    def operator(x, time):
        x = time.delayed(x, 3, name="delay")
        x = time.mean(x, name="mean")
        return time.delayed(x, 1, name="again")

    _, time = stream_network(operator)
    assert time.frames == {"cache_00": 3, "cache_01": 0, "cache_02": 1}


@pytest.mark.parametrize("frames", [1, 2])
def test_a_cache_output_is_made_for_itself(frames):
    """Nothing else consumes it, and it is not an input passed through."""

    def operator(x, time):
        y = keras.layers.ReLU()(x)
        return keras.layers.Add()([y, time.delayed(y, frames, name="delay")])

    network, time = stream_network(operator)
    made = {id(time.outputs["cache_00_out"])}
    consumed = {
        id(tensor)
        for layer in network.layers
        for tensor in tf.nest.flatten(layer.input)
    }
    assert not made & (consumed | {id(x) for x in network.inputs})


def test_means_are_over_the_clip_or_the_stream_so_far():
    clips = random_clips()

    def operator(x, time):
        return time.mean(x, name="mean")

    found = streamed(*stream_network(operator), clips)
    for frame in range(FRAMES):
        expected = clips[:, : frame + 1].mean(axis=1)
        np.testing.assert_allclose(
            found[:, frame], expected, rtol=1e-5, atol=1e-6
        )
    whole = clip_network(operator)(fold_clips(clips))
    np.testing.assert_allclose(whole, found[:, -1], rtol=1e-5, atol=1e-6)


def test_a_stream_refuses_frames_ahead():
    with pytest.raises(ValueError, match="ahead.*cannot stream.*frames=-1"):
        stream_network(lambda x, time: time.delayed(x, -1, name="delay"))


def test_a_stream_must_know_the_earliest_frame_first():
    def operator(x, time):
        time.delayed(x, 1, name="one")
        return time.delayed(x, 2, name="two")

    with pytest.raises(ValueError, match="asked for first.*Received: frames=2"):
        stream_network(operator)
    clip_network(operator)  # A clip has all frames anyway.
