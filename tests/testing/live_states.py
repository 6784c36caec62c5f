"""Makes states of a live run without a network."""

import dataclasses

import numpy as np

from tsm_live.decision.gestures import GestureEvent
from tsm_live.decision.object_decision import (
    ObjectEvent,
    ObjectState,
    TrackedObject,
)
from tsm_live.live.live_state import HeadState, LiveState

LABELS = ("no_gesture", "swipe_left", "swipe_right", "pull", "push")


_HEAD = {
    "labels": LABELS,
    "scores": np.array([0.05, 0.7, 0.15, 0.04, 0.06], np.float32),
    "gesture": "swipe_left",
    "events": (
        GestureEvent("start", "push", 0.8, 3.0),
        GestureEvent("end", "push", 0.9, 5.0),
        GestureEvent("start", "swipe_left", 0.6, 9.0),
    ),
}
_NOUN = HeadState(
    ("hand", "door"),
    np.array([0.2, 0.8], np.float32),
    "door",
    (GestureEvent("start", "door", 0.7, 8.0, "noun"),),
)


def live_state(frame=None, heads=None, **changes):
    """Returns a state at 10 s, in which `swipe_left` began at 9 s.

    Args:
        frame: The frame; None for a random one.
        heads: The heads by name; None for one head.
        changes: Fields of the only head or of the state that differ.
    """
    head = {name: changes.pop(name, value) for name, value in _HEAD.items()}
    values = {
        "source": "video.mp4",
        "frame": random_frame(90, 120) if frame is None else frame,
        "time": 10.0,
        "heads": heads or {"logits": HeadState(**head)},
        "latency": 0.0123,
        "fps": 25.0,
        "accelerator": "cpu",
        "processed": 120,
        "dropped": 3,
        "resets": 1,
        "is_live": False,
        **changes,
    }
    return LiveState(**values)


def two_heads(**changes):
    """Returns the heads of a state with a verb and a noun.

    Args:
        changes: Fields of the noun that differ.
    """
    verb = HeadState(**_HEAD)
    return {"verb": verb, "noun": dataclasses.replace(_NOUN, **changes)}


def object_state(*objects, frame=None, **changes):
    """Returns a state of a detector at 10 s.

    Args:
        objects: The `TrackedObject`s; by default a dog that appeared at 9 s,
            after a cat that had been there from 3 to 5 s.
        frame: The frame; None for a random one.
        changes: Fields of the state that differ.
    """
    box = (20.0, 30.0, 60.0, 50.0)
    dog = TrackedObject(2, "big_dog", 0.8, box, ((38.0, 40.0), (40.0, 40.0)))
    events = (
        ObjectEvent("appear", 1, "cat", 0.7, 3.0, box),
        ObjectEvent("disappear", 1, "cat", 0.9, 5.0, box),
        ObjectEvent("appear", 2, "big_dog", 0.8, 9.0, box),
    )
    found = ObjectState(("cat", "big_dog"), objects or (dog,), events)
    state = live_state(frame, **changes)
    return dataclasses.replace(state, heads={}, objects=found)


def random_frame(height, width, seed=0):
    """Returns `[H, W, 3]` uint8 BGR, smooth enough for a lossy codec."""
    rng = np.random.default_rng(seed)
    waves = rng.uniform(1, 3, (3, 2))
    y = np.linspace(0, 2 * np.pi, height)[:, None, None]
    x = np.linspace(0, 2 * np.pi, width)[None, :, None]
    shift = rng.uniform(0, 6, 3)
    value = np.sin(y * waves[:, 0] + x * waves[:, 1] + shift)
    return (127.5 + 127 * value).round().astype(np.uint8)
