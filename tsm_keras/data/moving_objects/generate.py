"""Generated moving objects, half of whose classes are motions.

**Time reversal.** `render(video.reversed())` returns the frames of
`render(video)` from last to first, with the same boxes, in which each class of
a pair is replaced by its partner. `video.reversed()` is as likely to be drawn
as `video`. So a detector that sees single frames must give the same detections
to both, and one of two is wrong: its precision for a class of a pair is at most
1/2 at every threshold, and so is its average precision
(`FRAME_BLIND_CEILING`). The other classes can be told apart in single frames.
"""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.moving_objects.scene import ObjectBox, ObjectScene
from tsm_keras.data.video.encoding import write_video

# Each motion in forward time, and its class when it is played backwards.
# Directions are those that a viewer of the video sees.
_PARTNERS = {
    "disc_right": "disc_left",
    "square_growing": "square_shrinking",
    "bar_clockwise": "bar_counterclockwise",
}
PAIRED = tuple(name for pair in _PARTNERS.items() for name in sorted(pair))
ORDINARY = ("triangle", "cross", "ring")
LABELS = PAIRED + ORDINARY

# The highest average precision that a detector can reach in the classes of
# `PAIRED` if it sees single frames.
FRAME_BLIND_CEILING = 0.5

_FPS = 25


@dataclasses.dataclass(frozen=True)
class ObjectsVideo:
    """The parameters of one video; equal parameters render equal frames.

    Attributes:
        backwards: Whether the frames run from last to first.
        num_frames: The number of frames.
        size: The height and width in pixels, an even number.
        seed: Seed of the objects, the background and the noise.
    """

    backwards: bool
    num_frames: int
    size: int
    seed: int

    def reversed(self) -> "ObjectsVideo":
        """Returns the video played backwards."""
        return dataclasses.replace(self, backwards=not self.backwards)


def partner(label: str) -> str:
    """Returns the class that an object of `label` has played backwards."""
    backwards = {value: key for key, value in _PARTNERS.items()}
    return (_PARTNERS | backwards).get(label, label)


def draw_video(seed: int, *, num_frames: int, size: int) -> ObjectsVideo:
    """Draws a video; it runs backwards with probability 1/2.

    Args:
        seed: Seed of the video.
        num_frames: The number of frames, at least 1.
        size: The height and width in pixels, an even number of at least 32.

    Raises:
        ValueError: If an argument is out of range.
    """
    for name, value, valid, expected in (
        ("num_frames", num_frames, num_frames >= 1, "at least 1"),
        ("size", size, size >= 32 and size % 2 == 0, "even and at least 32"),
    ):
        if not valid:
            raise ValueError(
                f"`{name}` must be {expected}. Received: {name}={value!r}"
            )
    random = np.random.default_rng(seed)
    return ObjectsVideo(
        backwards=bool(random.integers(2)),
        num_frames=num_frames,
        size=size,
        seed=int(random.integers(1 << 62)),
    )


def render(
    video: ObjectsVideo,
) -> tuple[np.ndarray, list[tuple[ObjectBox, ...]]]:
    """Renders a video.

    Returns:
        The frames, `[T, S, S, 3]` uint8 RGB, and the boxes of each frame.
    """
    random = np.random.default_rng(video.seed)
    # In forward time a pair has one class, so it is drawn twice as often.
    scene = ObjectScene(video, random, (*_PARTNERS, *_PARTNERS, *ORDINARY))
    drawn = [scene.frame(index, random) for index in range(video.num_frames)]
    frames = np.stack([frame for frame, _ in drawn])
    boxes = [found for _, found in drawn]
    if not video.backwards:
        return frames, boxes
    backwards = [
        tuple(
            dataclasses.replace(box, label=partner(box.label)) for box in found
        )
        for found in reversed(boxes)
    ]
    return frames[::-1], backwards


def write_moving_objects(
    folder: str | os.PathLike,
    *,
    videos: int,
    seconds: float = 3.0,
    size: int = 96,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> pathlib.Path:
    """Writes generated videos as MP4 files, and their boxes as COCO-VID JSON.

    Args:
        folder: The folder to write: `train.json`, `train/000.mp4` and so on,
            and the same for `val`.
        videos: The number of videos for training, at least 1. A quarter as
            many, at least one, are written for validation.
        seconds: The length of each video, with 25 frames per second.
        size: The height and width of the videos in pixels, an even number.
        seed: Equal seeds give equal files; different seeds, different videos.
        progress: Called with the number of videos written and of all videos.

    Returns:
        The folder.

    Raises:
        ValueError: If an argument is out of range.
    """
    if videos < 1:
        raise ValueError(
            f"`videos` must be at least 1. Received: videos={videos!r}"
        )
    folder = pathlib.Path(folder)
    num_frames = round(seconds * _FPS)
    jobs = []
    for place, (split, count) in enumerate(
        (("train", videos), ("val", max(1, videos // 4)))
    ):
        (folder / split).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            entropy = np.random.SeedSequence([seed, place, number])
            own = int(entropy.generate_state(1, np.uint64)[0])
            video = draw_video(own, num_frames=num_frames, size=size)
            jobs.append((split, f"{split}/{number:03d}.mp4", video))

    def write(job):
        split, name, video = job
        frames, boxes = render(video)
        # Every frame is encoded by itself, so that the decoded frames of a
        # video and of its reverse are equal too.
        write_video(
            folder / name, frames, fps=_FPS, quality=20, intra_only=True
        )
        return split, name, boxes

    found: dict[str, list[tuple[str, list[tuple[ObjectBox, ...]]]]] = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (split, name, boxes) in enumerate(pool.map(write, jobs), 1):
            found.setdefault(split, []).append((name, boxes))
            if progress:
                progress(done, len(jobs))
    for split, written in found.items():
        with atomic_file(folder / f"{split}.json") as temporary:
            temporary.write_text(json.dumps(_coco_vid(written, size)), "utf-8")
    return folder


def _coco_vid(videos, size):
    """Returns the boxes of videos in the style of COCO-VID."""
    content: dict[str, list[dict[str, Any]]] = {
        "categories": [
            {"id": number, "name": name}
            for number, name in enumerate(LABELS, 1)
        ],
        "videos": [],
        "images": [],
        "annotations": [],
    }
    for video, (name, boxes) in enumerate(videos):
        content["videos"].append(
            {
                "id": video,
                "name": name.removesuffix(".mp4"),
                "file_name": name,
                "width": size,
                "height": size,
                "fps": _FPS,
                "length": len(boxes),
            }
        )
        for number, found in enumerate(boxes):
            image = len(content["images"])
            content["images"].append(
                {
                    "id": image,
                    "video_id": video,
                    "frame_id": number,
                    "width": size,
                    "height": size,
                }
            )
            for box in found:
                x0, y0, x1, y1 = (round(value, 2) for value in box.box)
                wide, high = round(x1 - x0, 2), round(y1 - y0, 2)
                content["annotations"].append(
                    {
                        "id": len(content["annotations"]) + 1,
                        "image_id": image,
                        "video_id": video,
                        "category_id": LABELS.index(box.label) + 1,
                        "instance_id": box.track,
                        "bbox": [x0, y0, wide, high],
                        "area": round(wide * high, 2),
                        "iscrowd": 0,
                        "ignore": int(box.ignored),
                        "speed": box.speed,
                    }
                )
    return content
