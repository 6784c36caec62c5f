"""Reads videos in one folder per class: `CLASS/FILE`, `SPLIT/CLASS/FILE`."""

import os

from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    sorted_heads,
)
from tsm_keras.data.video.class_folders import (
    VIDEO_SUFFIXES,
    class_videos,
    left_out,
    split_folders,
)


def read_class_folders(options: SourceOptions) -> Collection:
    """Lists the videos in class folders, which may be in folders of splits."""
    clips = [
        ClipSource(os.path.relpath(path, options.root), label, split)
        for split, folder in split_folders(options.root)
        for label, paths in class_videos(folder).items()
        for path in paths
    ]
    if not clips:
        raise ValueError(
            f"{options.root} holds no videos: put them into one folder per "
            f"class ({options.root}/<class>/<file>, "
            f"{' '.join(VIDEO_SUFFIXES)}), or say with --source_format "
            "what it holds."
        )
    rest = [left_out(folder) for _, folder in split_folders(options.root)]
    return Collection(
        options.root,
        sorted_heads(clips),
        tuple(clips),
        left_out=", ".join(filter(None, rest)),
    )
