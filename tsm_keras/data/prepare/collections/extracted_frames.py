"""Reads folders of frames: `CLASS/CLIP/img_00001.jpg`, or below a split."""

import os

from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    sorted_heads,
)
from tsm_keras.data.video.class_folders import (
    class_folders,
    split_folders,
    visible_folders,
)


def read_frame_folders(options: SourceOptions) -> Collection:
    """Lists clips of frames, by default `img_%05d.jpg` at 30 per second."""
    frames = options.frames("img_%05d.jpg", 30.0)
    clips = [
        ClipSource(
            os.path.relpath(clip, options.root), label.name, split, **frames
        )
        for split, folder in split_folders(options.root)
        for label in class_folders(folder)
        for clip in visible_folders(label)
    ]
    if not clips:
        raise ValueError(
            f"{options.root} holds no folders of frames: it must have one "
            "folder per class, with one folder per clip in it "
            f"({options.root}/<class>/<clip>/{frames['frame_pattern']})."
        )
    return Collection(options.root, sorted_heads(clips), tuple(clips))
