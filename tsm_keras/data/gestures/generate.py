"""Generated hand gestures, whose classes differ in the direction of time.

**Time reversal.** `render(clip.reversed())` returns the frames of
`render(clip)` from last to first. `clip.reversed()` is a clip of the partner
class and is as likely to be drawn as `clip`. A model that ignores the order of
frames sees the same frames for both, so its accuracy within a pair is at most
1/2. With five pairs and two classes that are their own partners, its accuracy
is at most (5 * 2 * 1/2 + 2) / 12 = 58.3%.
"""

import concurrent.futures
import dataclasses
import os
import pathlib
from collections.abc import Callable

import numpy as np

from tsm_keras.data.gestures.scene import GestureScene
from tsm_keras.data.video.encoding import write_video

# Each motion in forward time, and its class when it is played backwards.
# Directions are those that a viewer of the video sees.
_PARTNERS = {
    "swipe_right": "swipe_left",
    "swipe_down": "swipe_up",
    "push": "pull",
    "turn_clockwise": "turn_counterclockwise",
    "open": "close",
    "shake": "shake",
    "no_gesture": "no_gesture",
}
LABELS = tuple(sorted({*_PARTNERS, *_PARTNERS.values()}))

# The highest accuracy that a model can reach if it ignores the frames' order.
ORDER_BLIND_CEILING = sum(
    1.0 if forward == backward else 2 * 0.5
    for forward, backward in _PARTNERS.items()
) / len(LABELS)

_SIZES = (80, 96, 112)
_ASPECTS = ((4, 4), (4, 3), (3, 4))
_RATES = (15, 24, 25, 30)


@dataclasses.dataclass(frozen=True)
class GestureClip:
    """The parameters of one clip; equal parameters render equal frames.

    Attributes:
        motion: The class in forward time.
        backwards: Whether the frames run from last to first.
        num_frames: The number of frames, 12 to 60.
        height: Height in pixels, an even number.
        width: Width in pixels, an even number.
        fps: The number of frames per second.
        seed: Seed of the hand's shape and texture, the background, the path,
            the camera shake and the noise.
    """

    motion: str
    backwards: bool
    num_frames: int
    height: int
    width: int
    fps: int
    seed: int

    @property
    def label(self) -> str:
        """The class: the motion, or its partner if the clip is backwards."""
        return _PARTNERS[self.motion] if self.backwards else self.motion

    def reversed(self) -> "GestureClip":
        """Returns the clip played backwards, which has the partner class."""
        return dataclasses.replace(self, backwards=not self.backwards)


def partner(label: str) -> str:
    """Returns the class of a clip of `label` that is played backwards."""
    backwards = {value: key for key, value in _PARTNERS.items()}
    return _PARTNERS.get(label) or backwards[label]


def draw_clip(label: str, seed: int) -> GestureClip:
    """Draws the parameters of a clip of a class.

    Args:
        label: One of `LABELS`.
        seed: Seed of the clip. With equal seeds, clips of different classes
            differ only in `motion` and `backwards`, and clips of partner
            classes only in `backwards`.

    Raises:
        ValueError: If there is no such class.
    """
    if label not in LABELS:
        raise ValueError(
            f"`label` must be one of {LABELS}. Received: label={label!r}"
        )
    random = np.random.default_rng(seed)
    motion = label if label in _PARTNERS else partner(label)
    side = random.choice(_SIZES)
    aspect = random.choice(_ASPECTS)
    coin = bool(random.integers(2))
    return GestureClip(
        motion=motion,
        # A class that is its own partner has clips of both directions.
        backwards=coin if _PARTNERS[motion] == motion else motion != label,
        num_frames=int(random.integers(12, 61)),
        height=int(side * aspect[0] // min(aspect) // 2 * 2),
        width=int(side * aspect[1] // min(aspect) // 2 * 2),
        fps=int(random.choice(_RATES)),
        seed=int(random.integers(1 << 62)),
    )


def render(clip: GestureClip) -> np.ndarray:
    """Renders a clip.

    Returns:
        `[T, H, W, 3]` uint8 RGB.
    """
    random = np.random.default_rng(clip.seed)
    scene = GestureScene(clip, random)
    frames = np.stack(
        [scene.frame(index, random) for index in range(clip.num_frames)]
    )
    return frames[::-1] if clip.backwards else frames


def write_gestures(
    folder: str | os.PathLike,
    *,
    clips_per_class: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> pathlib.Path:
    """Writes generated clips as MP4 files, in one folder per class.

    Args:
        folder: The folder to write: `folder/swipe_left/000.mp4` and so on.
        clips_per_class: The number of clips of each of the 12 classes.
        seed: Equal seeds give equal files; different seeds, different clips.
        progress: Called with the number of clips written and of all clips.

    Returns:
        The folder.
    """
    folder = pathlib.Path(folder)
    jobs = []
    for class_index, label in enumerate(LABELS):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(clips_per_class):
            entropy = np.random.SeedSequence([seed, class_index, number])
            clip_seed = int(entropy.generate_state(1, np.uint64)[0])
            jobs.append(
                (folder / label / f"{number:03d}.mp4", label, clip_seed)
            )

    def write(job):
        path, label, clip_seed = job
        write_clip(path, draw_clip(label, clip_seed))

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, _ in enumerate(pool.map(write, jobs), start=1):
            if progress:
                progress(done, len(jobs))
    return folder


def write_clip(path: str | os.PathLike, clip: GestureClip) -> None:
    """Renders a clip into a video file.

    Every frame is encoded by itself, so that the decoded frames of a clip and
    of its reverse are equal too.
    """
    write_video(path, render(clip), fps=clip.fps, quality=24, intra_only=True)
