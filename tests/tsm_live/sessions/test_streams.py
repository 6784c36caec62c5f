"""Several streams in one batched artifact, in every runtime that is here."""

import re
import threading

import numpy as np
import pytest

from testing.artifacts import (
    clip_model,
    random_artifact,
    random_clips,
    random_onnx,
)
from testing.models import rounding_tolerance
from testing.numerics import relative_error
from tsm_live import StreamingSession, open_session

_OPTIONS = {"streams": 2, "input_dtype": "uint8", "softmax": True}
_BATCHED = {
    "float32": lambda: random_artifact(streams=2),
    "int8": lambda: random_artifact(quantize="int8", **_OPTIONS),
    "onnx": lambda: random_onnx(**_OPTIONS),
}


@pytest.fixture(params=_BATCHED)
def session(request):
    return open_session(_BATCHED[request.param]())


@pytest.fixture
def frames():
    """`[stream][time]`: frames of two sizes, all different."""
    rng = np.random.default_rng(0)
    sizes = ((90, 120, 3), (70, 64, 3))
    return [rng.integers(0, 256, (5, *size), np.uint8) for size in sizes]


def _alone(session, frames, stream):
    """Returns what a stream says when the other has no frames at all."""
    session.reset()
    logits = []
    for frame in frames[stream]:
        step = [None, None]
        step[stream] = frame
        predictions = session.step_streams(step)
        assert predictions[1 - stream] is None
        logits.append(predictions[stream].logits)
    return np.stack(logits)


def test_a_stream_without_a_frame_stays_as_it_is(session, frames):
    """Each has its own pace, and says what it says alone, bit for bit."""
    expected = [_alone(session, frames, stream) for stream in (0, 1)]
    session.reset()
    found = [[], []]
    for turn in ((0,), (0, 1), (1,), (1,), (0, 1), (0,), (0, 1)):
        step = [
            frames[stream][len(found[stream])] if stream in turn else None
            for stream in (0, 1)
        ]
        predictions = session.step_streams(step)
        for stream in turn:
            found[stream].append(predictions[stream].logits)
    assert [len(logits) for logits in found] == [5, 5]
    for logits, alone in zip(found, expected, strict=True):
        np.testing.assert_array_equal(logits, alone)


def test_one_stream_is_reset_alone(session, frames):
    expected = [_alone(session, frames, stream) for stream in (0, 1)]
    session.reset()
    for time in range(2):
        session.step_streams([frames[0][time], frames[1][time]])
    session.reset(stream=1)
    one, other = session.step_streams([frames[0][2], frames[1][0]])
    np.testing.assert_array_equal(one.logits, expected[0][2])
    np.testing.assert_array_equal(other.logits, expected[1][0])


def test_a_batch_says_what_sessions_of_one_stream_say(frames):
    together = StreamingSession(random_artifact(streams=2))
    apart = [StreamingSession(random_artifact()) for _ in range(2)]
    assert (together.streams, apart[0].streams) == (2, 1)
    model = clip_model()
    tolerance = rounding_tolerance(model, random_clips(2, model))
    for pair in zip(*frames, strict=True):
        predictions = together.step_streams(pair)
        for session, frame, found in zip(apart, pair, predictions, strict=True):
            expected = session.step(frame)
            assert found.label == expected.label
            error = relative_error(found.logits, expected.logits)
            assert error <= tolerance


def test_nothing_is_run_for_no_frame(session, frames):
    session.step_streams([frames[0][0], frames[1][0]])
    before = session._network.read_state()
    assert session.step_streams([None, None]) == [None, None]
    after = session._network.read_state()
    for value, kept in zip(after, before, strict=True):
        np.testing.assert_array_equal(value, kept)


def test_refusals_leave_every_state_untouched(session, frames):
    session.step_streams([frames[0][0], frames[1][0]])
    before = session._network.read_state()
    with pytest.raises(ValueError, match="must be 2 entries.*Received: 1"):
        session.step_streams([frames[0][1]])
    with pytest.raises(ValueError, match="`frame` must be"):
        session.step_streams([frames[0][1], frames[1][1].astype(np.float32)])
    with pytest.raises(ValueError, match=r"step_streams.*Received: an .*for 2"):
        session.step(frames[0][1])
    for stream in (-1, 2, 0.0, "a", [0]):
        message = re.escape(
            f"`stream` must be an integer in [0, 2). Received: {stream!r}"
        )
        with pytest.raises(ValueError, match=message):
            session.reset(stream=stream)
    after = session._network.read_state()
    for value, kept in zip(after, before, strict=True):
        np.testing.assert_array_equal(value, kept)


def test_threads_take_turns(frames):
    """The same frame again and again: who was first makes no difference."""
    session = StreamingSession(random_artifact(streams=2))
    frame = frames[0][0]

    def step():
        return session.step_streams([frame, None])[0].logits.tolist()

    expected = [step() for _ in range(80)]
    session.reset()
    found, errors = [], []

    def work():
        try:
            for _ in range(20):
                found.append(step())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(found) == sorted(expected)
