"""Draws generated gestures: a textured hand, its path and a background.

Lengths are in units of the frame's short side, angles in degrees.
"""

import functools
from typing import Any

import cv2
import numpy as np

_SPRITE = 96  # Side in pixels of the square image of the hand.
_WRIST = 0.75  # The hand turns around this share of the sprite from its top.


class GestureScene:
    """The hand, path, background and camera shake of one clip.

    Args:
        clip: A `GestureClip`; its `backwards` is ignored.
        random: Source of all draws; generators in the same state give the same
            scene.
    """

    def __init__(self, clip: Any, random: np.random.Generator):
        self.clip = clip
        self.unit = min(clip.height, clip.width)
        self.path = _Path(clip.motion, random)
        self.hand = _Hand(random)
        self.scale = random.uniform(0.7, 0.9)
        self.angle = random.uniform(-15, 15)
        self.noise = random.uniform(0, 6)
        self.margin = self.unit // 8
        self.background = soft_background(
            clip.height + 2 * self.margin, clip.width + 2 * self.margin, random
        )
        # Camera shake has two slow oscillations per axis, of random phase.
        self.shake_amplitude = random.uniform(0, 0.02, (2, 2))
        self.shake_cycles = random.uniform(0.5, 3, (2, 2))
        self.shake_phase = random.uniform(0, 2 * np.pi, (2, 2))

    def frame(self, index: int, random: np.random.Generator) -> np.ndarray:
        """Returns the frame at `index` in forward time, `[H, W, 3]` uint8."""
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
            np.array(
                [
                    [1, 0, shake[0] - self.margin],
                    [0, 1, shake[1] - self.margin],
                ],
                np.float32,
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
        # The wrist is a little below the middle, so that the hand is in it.
        place[:, 2] += (
            clip.width / 2 + x * self.unit + shake[0] - _SPRITE / 2,
            clip.height / 2
            + (y + 0.2) * self.unit
            + shake[1]
            - _SPRITE * _WRIST,
        )
        size = (clip.width, clip.height)
        color = cv2.warpAffine(color, place, size).astype(np.float32)
        alpha = cv2.warpAffine(alpha, place, size)[..., None] / np.float32(255)
        grain = random.normal(0, self.noise, image.shape[:2])
        image = image + alpha * (color - image)
        image = image + grain.astype(np.float32)[..., None]
        return np.clip(image, 0, 255).astype(np.uint8)


class _Path:
    """The position and pose of the hand as a function of time in [0, 1]."""

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
        # The swing goes from -1 to 1, slowly at both ends.
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
    """A textured hand with a palm, fingers and a thumb, drawn at random."""

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
        # Most gestures leave the hand as it is: it is drawn once.
        self.draw = functools.lru_cache(maxsize=1)(self._draw)

    def _draw(self, openness):
        """Returns `[S, S, 3]` colours and a `[S, S]` mask, both uint8."""
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


def soft_background(
    height: int, width: int, random: np.random.Generator
) -> np.ndarray:
    """Returns `[height, width, 3]` float32: soft blotches and a few shapes."""
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
