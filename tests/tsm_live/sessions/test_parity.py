"""What a device says of real videos is what the Keras model says."""

import cv2
import numpy as np
import pytest

from testing.artifacts import clip_model, random_artifact
from testing.gestures import write_folder
from testing.numerics import relative_error
from testing.shared_data import ACTIONS, FIXTURES, fixture
from tsm_keras.data.video.resizing import center_crop, resize_short_side
from tsm_live import StreamingSession

_NUM_FRAMES = 4  # Of the clip model.
_UNREADABLE = 8  # Of the fixtures, which are one of each kind of trouble.


def _first_frames(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while len(frames) < _NUM_FRAMES:
        read, frame = capture.read()
        if not read:
            break
        frames.append(frame)
    capture.release()
    return frames


def _assert_keras_agrees(paths):
    """Returns how many of the videos OpenCV reads."""
    model, session = clip_model(), StreamingSession(random_artifact())
    spec, clips, found = session.spec, [], []
    for frames in filter(None, map(_first_frames, paths)):
        session.reset()
        steps = [session.step(frame, color="bgr") for frame in frames]
        found.append([step.logits for step in steps])
        rgb = np.stack(frames)[..., ::-1]
        clip = resize_short_side(rgb, spec.resize_size)
        # What comes after a frame does not change its logits.
        rest = [(0, _NUM_FRAMES - len(clip))] + [(0, 0)] * 3
        clips.append(np.pad(center_crop(clip, spec.image_size), rest))
    inputs = np.stack(clips).astype(np.float32)
    expected = model.predict(inputs, batch_size=32, verbose=0)["frame_logits"]
    assert np.ptp(expected, axis=0).min() > 0.1  # Videos are told apart.
    pairs = zip(found, expected, strict=True)
    found, expected = zip(*((f, e[: len(f)]) for f, e in pairs), strict=True)
    found, expected = map(np.concatenate, (found, expected))
    assert relative_error(found, expected) <= 1e-4
    # But where two classes are as good as equal.
    best = np.sort(expected, axis=-1)
    clear = best[:, -1] - best[:, -2] > 2e-4 * np.abs(expected).max()
    same = found.argmax(-1) == expected.argmax(-1)
    assert same[clear].all() and clear.mean() > 0.9
    return len(clips)


def test_generated_videos(tmp_path):
    write_folder(tmp_path, clips_per_class=5)
    assert _assert_keras_agrees(sorted(tmp_path.rglob("*.mp4"))) == 20


@pytest.mark.slow
def test_every_real_video():
    fixture("")  # Skips where there are none.
    fixtures = sorted(FIXTURES.iterdir())
    actions = sorted(ACTIONS.glob("*/*"))
    read = _assert_keras_agrees(fixtures + actions)
    assert len(actions) > 200
    assert read >= len(fixtures) + len(actions) - _UNREADABLE
