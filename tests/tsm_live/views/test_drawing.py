import cv2
import numpy as np
import pytest

from testing.live_states import live_state, random_frame, two_heads
from tsm_live.views.drawing import draw
from tsm_live.views.panel import class_hue, title


def _split(state):
    """Returns the frame as drawn and the panel below it."""
    picture = draw(state)
    height, width = state.frame.shape[:2]
    return picture[:height, :width], picture[height:]


@pytest.mark.parametrize(
    ("height", "width"), [(360, 480), (480, 361), (1080, 1920)]
)
def test_the_frame_is_kept_and_a_panel_added(height, width):
    state = live_state(random_frame(height, width))
    picture = draw(state)
    assert picture.dtype == np.uint8 and not any(
        side % 2 for side in picture.shape[:2]
    )
    frame, panel = _split(state)
    np.testing.assert_array_equal(frame, state.frame)
    assert len(panel) < 0.45 * picture.shape[0]


def test_a_camera_is_mirrored_and_its_text_is_not():
    frame = random_frame(360, 480)
    _, expected = _split(live_state(frame))
    mirrored, panel = _split(live_state(frame, is_webcam=True))
    np.testing.assert_array_equal(mirrored, frame[:, ::-1])
    np.testing.assert_array_equal(panel, expected)


@pytest.mark.parametrize(
    "size", [(120, 160), (1, 1), (7, 2000), (2000, 7), (33, 35)]
)
def test_any_size_can_be_drawn(size):
    picture = draw(live_state(random_frame(*size)))
    height, width = picture.shape[:2]
    assert height % 2 == width % 2 == 0
    assert min(height, width) >= 240 and max(height, width) <= 2300


def test_small_frames_are_enlarged():
    small = random_frame(120, 160)
    np.testing.assert_array_equal(
        draw(live_state(small))[:360, :480], cv2.resize(small, (480, 360))
    )


@pytest.mark.parametrize(
    "change",
    [
        {"gesture": "pull"},
        {"gesture": None},
        {"scores": np.array([0.1, 0.6, 0.2, 0.04, 0.06], np.float32)},
        {"latency": 0.02},
        {"fps": 12.0},
        {"accelerator": "gpu"},
        {"events": ()},
        {"dropped": 4},
        {"resets": 2},
        {"processed": 121},
        {"source": "camera 0"},
        {"time": 11.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_everything_is_to_be_seen(change):
    frame = random_frame(360, 640)
    _, panel = _split(live_state(frame))
    _, other = _split(live_state(frame, **change))
    assert np.abs(panel.astype(int) - other).max() > 50


def test_bars_are_as_long_as_scores():
    frame = random_frame(480, 640)
    lengths = []
    for score in (0.25, 0.5, 1.0):
        scores = np.array([0, score, 0, 0, 0], np.float32)
        _, panel = _split(
            live_state(frame, scores=scores, gesture=None, events=())
        )
        # The one bar is all that is colourful.
        colorful = np.ptp(panel.astype(int), axis=-1) > 60
        lengths.append(colorful.sum(axis=1).max())
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=2)
    assert lengths[2] == pytest.approx(4 * lengths[0], abs=3)


def test_classes_have_colors_of_their_own():
    state = live_state()
    hues = sorted(class_hue(state, label) for label in state.labels)
    assert min(np.diff(hues)) > 0.05


@pytest.mark.parametrize(
    "labels",
    [
        ("x" * 500, "swipe_left", "b", "c", "d"),
        ("Grüße", "swipe_left", "手势", "зд", "عربي"),
        ("", "swipe_left", "\n\t", "\x00", "🙂"),
    ],
)
def test_any_label_can_be_drawn(labels):
    for gesture in labels:
        draw(live_state(labels=labels, gesture=gesture))
    draw(live_state(gesture="none of the labels"))


def test_few_classes_and_scores_that_are_no_numbers():
    draw(live_state(labels=("a",), scores=np.ones(1, np.float32)))
    draw(live_state(scores=np.full(5, np.nan, np.float32)))


@pytest.mark.parametrize(
    "change",
    [
        {"gesture": "hand"},
        {"gesture": None},
        {"scores": np.array([0.4, 0.6], np.float32)},
        {"events": ()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_head_is_to_be_seen(change):
    frame = random_frame(360, 640)
    _, one = _split(live_state(frame))
    _, panel = _split(live_state(frame, two_heads()))
    _, other = _split(live_state(frame, two_heads(**change)))
    assert len(panel) > len(one) and panel.shape == other.shape
    assert np.abs(panel.astype(int) - other).max() > 50


def test_heads_are_named_if_there_are_several():
    state = live_state(heads=two_heads())
    assert title(state, "verb") == "verb: swipe left"
    assert title(state, "noun") == "noun: door"
    state = live_state(heads=two_heads(gesture=None))
    assert title(state, "noun") == "no noun"
    assert title(live_state(), "logits") == "swipe left"
    assert title(live_state(gesture=None), "logits") == "no gesture"
