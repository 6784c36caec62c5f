"""Generated hand gestures whose class is the direction of time.

**The law.** `render(clip.reversed())` are the frames of `render(clip)` from
last to first, and `clip.reversed()` is a clip of the partner class, as likely
to be drawn as `clip` itself. A model that does not see the order of frames
sees the same frames for both, so within a pair it cannot beat a coin. With
five pairs and two classes that are their own partners its accuracy is at most
(5 * 2 * 1/2 + 2) / 12 = 58.3%.
"""

import concurrent.futures
import dataclasses
import os
import pathlib
from collections.abc import Callable

import cv2
import numpy as np

from tsm_keras.data.video import write_video

# Each motion in forward time, and the class it is when it runs backwards.
# Directions are those of the picture, as a viewer sees it.
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

# The best that a model blind to the order of frames can reach, by the law.
ORDER_BLIND_CEILING = sum(
    1.0 if forward == backward else 2 * 0.5
    for forward, backward in _PARTNERS.items()
) / len(LABELS)

_SPRITE = 96  # Pixels a side of the hand before it is placed.
_WRIST = 0.75  # Where a turning hand turns, from the top of the sprite.
_SIZES = (80, 96, 112)
_ASPECTS = ((4, 4), (4, 3), (3, 4))
_RATES = (15, 24, 25, 30)


@dataclasses.dataclass(frozen=True)
class GestureClip:
    """One clip as numbers; equal numbers render equal frames.

    Lengths are in units of the picture's short side, angles in degrees.

    Attributes:
        motion: The class in forward time.
        backwards: Whether the frames run from last to first.
        num_frames: 12 to 60.
        height: In pixels, even.
        width: In pixels, even.
        fps: Frames a second.
        seed: Of shape, texture, background, path, camera shake and noise.
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
        """The same frames from last to first, a clip of the partner class."""
        return dataclasses.replace(self, backwards=not self.backwards)


def partner(label: str) -> str:
    """Returns the class of a clip of `label` that is played backwards."""
    backwards = {value: key for key, value in _PARTNERS.items()}
    return _PARTNERS.get(label) or backwards[label]


def draw_clip(label: str, seed: int) -> GestureClip:
    """Draws a clip of a class.

    Args:
        label: One of `LABELS`.
        seed: Equal seeds give equal clips; nothing else that is drawn
            depends on the class, and partners differ in `backwards` alone.

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
        # A class that is its own partner has both directions in it.
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
    scene = _Scene(clip, random)
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
    """Writes generated clips as MP4 files, one folder a class.

    Args:
        folder: Where to; `folder/swipe_left/000.mp4` and so on.
        clips_per_class: How many of each of the 12 classes.
        seed: Equal seeds give equal files; different ones, different clips.
        progress: Called with (clips written, clips in all).

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
    """Renders a clip into a video file that keeps the law.

    Every frame is encoded by itself, so the decoded frames of a clip and of
    its reverse are equal too.
    """
    write_video(path, render(clip), fps=clip.fps, quality=24, intra_only=True)


class _Scene:
    """Everything that is drawn once a clip."""

    def __init__(self, clip, random):
        self.clip = clip
        self.unit = min(clip.height, clip.width)
        self.path = _Path(clip.motion, random)
        self.hand = _Hand(random)
        self.scale = random.uniform(0.7, 0.9)
        self.angle = random.uniform(-15, 15)
        self.noise = random.uniform(0, 6)
        self.margin = self.unit // 8
        self.background = _background(
            clip.height + 2 * self.margin, clip.width + 2 * self.margin, random
        )
        # Camera shake: two slow oscillations an axis, of any phase.
        self.shake_amplitude = random.uniform(0, 0.02, (2, 2))
        self.shake_cycles = random.uniform(0.5, 3, (2, 2))
        self.shake_phase = random.uniform(0, 2 * np.pi, (2, 2))

    def frame(self, index, random):
        clip = self.clip
        time = index / (clip.num_frames - 1)
        x, y, zoom, turn, openness = self.path(time)
        shake = self.unit * np.sum(
            self.shake_amplitude
            * np.sin(2 * np.pi * self.shake_cycles * time + self.shake_phase),
            axis=0,
        )
        image = cv2.warpAffine(
            self.background,
            np.float32(
                [
                    [1, 0, shake[0] - self.margin],
                    [0, 1, shake[1] - self.margin],
                ]
            ),
            (clip.width, clip.height),
            borderMode=cv2.BORDER_REFLECT,
        )
        color, alpha = self.hand.draw(openness)
        place = cv2.getRotationMatrix2D(
            (_SPRITE / 2, _SPRITE * _WRIST),
            self.angle - turn,  # OpenCV turns counterclockwise.
            self.unit * self.scale * zoom / _SPRITE,
        )
        # The wrist stands a little below the middle, so that the hand is in it.
        place[:, 2] += (
            clip.width / 2 + x * self.unit + shake[0] - _SPRITE / 2,
            clip.height / 2
            + (y + 0.2) * self.unit
            + shake[1]
            - _SPRITE * _WRIST,
        )
        size = (clip.width, clip.height)
        color = cv2.warpAffine(color, place, size)
        alpha = cv2.warpAffine(alpha, place, size)[..., None] / np.float32(255)
        image = image * (1 - alpha) + color * alpha
        image += random.normal(0, self.noise, image.shape[:2])[..., None]
        return np.clip(image, 0, 255).astype(np.uint8)


class _Path:
    """Where the hand is, and how, at a time in [0, 1]."""

    def __init__(self, motion, random):
        self.motion = motion
        self.start, self.end = random.uniform(0, 0.15), random.uniform(0.85, 1)
        self.reach = random.uniform(0.2, 0.3)
        self.center = random.uniform(-0.08, 0.08, 2)
        self.openness = random.uniform(0.6, 1)
        self.turn = random.uniform(90, 140)
        self.zoom = random.uniform(0.3, 0.45)
        self.drift = random.uniform(0, 0.02, 2)
        self.phase = random.uniform(0, 2 * np.pi, 2)
        self.cycles = random.uniform(2.5, 3.5)
        self.axis = random.integers(2)

    def __call__(self, time):
        """Returns x, y, zoom, turn (degrees clockwise) and openness."""
        progress = np.clip((time - self.start) / (self.end - self.start), 0, 1)
        # From -1 to 1, slow at both ends.
        swing = -np.cos(np.pi * progress)
        x, y = self.center + self.drift * np.sin(2 * np.pi * time + self.phase)
        zoom, turn, openness = 1.0, 0.0, self.openness
        if self.motion == "swipe_right":
            x += self.reach * swing
        elif self.motion == "swipe_down":
            y += self.reach * swing
        elif self.motion == "push":  # Towards the camera.
            zoom += self.zoom * swing
        elif self.motion == "turn_clockwise":
            turn = self.turn * swing / 2
        elif self.motion == "open":
            openness *= (1 + swing) / 2
        elif self.motion == "shake":
            sway = np.sin(2 * np.pi * self.cycles * time + self.phase[0])
            x += 0.6 * self.reach * sway * (self.axis == 0)
            y += 0.6 * self.reach * sway * (self.axis == 1)
        return x, y, zoom, turn, openness


class _Hand:
    """A palm, fingers and a thumb, textured; no two are alike."""

    def __init__(self, random):
        self.fingers = int(random.integers(3, 5))
        self.length = random.uniform(0.28, 0.36) * _SPRITE
        self.thickness = int(random.integers(7, 11))
        self.palm = (
            int(random.uniform(0.15, 0.19) * _SPRITE),
            int(random.uniform(0.16, 0.21) * _SPRITE),
        )
        self.boxy = bool(random.integers(2))
        self.thumb = -1 if random.integers(2) else 1
        stripes = np.indices((_SPRITE, _SPRITE)).transpose(1, 2, 0) @ (
            random.normal(0, 0.25, 2)
        )
        base = random.uniform(150, 255, 3)
        contrast = random.uniform(5, 45)
        texture = base + contrast * np.sin(stripes)[..., None]
        self.texture = np.clip(texture, 0, 255).astype(np.uint8)

    def draw(self, openness):
        """Returns the `[S, S, 3]` colours and the `[S, S]` mask."""
        mask = np.zeros((_SPRITE, _SPRITE), np.uint8)
        center = np.array([_SPRITE / 2, _SPRITE * 0.62])
        if self.boxy:
            low, high = center - self.palm, center + self.palm
            cv2.rectangle(mask, _pixel(low), _pixel(high), 255, -1)
        else:
            cv2.ellipse(mask, _pixel(center), self.palm, 0, 0, 360, 255, -1)
        spread = np.linspace(-26, 26, self.fingers) * (0.4 + 0.6 * openness)
        for angle in np.radians([*spread, 75 * self.thumb]):
            direction = np.array([np.sin(angle), -np.cos(angle)])
            base = center + direction * self.palm * 0.8
            tip = base + direction * self.length * (0.1 + 0.9 * openness)
            cv2.line(
                mask,
                _pixel(base),
                _pixel(tip),
                255,
                self.thickness,
                cv2.LINE_AA,
            )
        return self.texture, mask


def _background(height, width, random):
    """Soft blotches and a few hard shapes."""
    coarse = random.uniform(10, 110, (4, 4, 3)).astype(np.float32)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(int(random.integers(0, 5))):
        color = random.uniform(10, 110, 3).tolist()
        corner = random.uniform(0, 1, 2) * (width, height)
        extent = random.uniform(0.05, 0.25, 2) * min(height, width)
        if random.integers(2):
            cv2.rectangle(
                image, _pixel(corner), _pixel(corner + extent), color, -1
            )
        else:
            cv2.circle(image, _pixel(corner), int(extent[0] / 2), color, -1)
    return image


def _pixel(point):
    return tuple(np.rint(point).astype(int).tolist())
