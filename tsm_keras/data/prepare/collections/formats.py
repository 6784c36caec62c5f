"""read_collection: lists the clips of a collection in any known format."""

import dataclasses
from collections.abc import Callable

from tsm_keras.data.prepare.collections.boxes.coco_vid import read_coco_vid
from tsm_keras.data.prepare.collections.boxes.imagenet_vid import (
    read_imagenet_vid,
)
from tsm_keras.data.prepare.collections.boxes.mot import read_mot
from tsm_keras.data.prepare.collections.class_folders import read_class_folders
from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    Collection,
    SourceOptions,
)
from tsm_keras.data.prepare.collections.csv_list import read_csv_list
from tsm_keras.data.prepare.collections.extracted_frames import (
    read_frame_folders,
)
from tsm_keras.data.prepare.collections.hmdb51 import read_hmdb51
from tsm_keras.data.prepare.collections.jester import read_jester
from tsm_keras.data.prepare.collections.kinetics import read_kinetics
from tsm_keras.data.prepare.collections.numbered_list import (
    read_numbered_list,
)
from tsm_keras.data.prepare.collections.something_something import (
    read_something_something,
)
from tsm_keras.data.prepare.collections.ucf101 import read_ucf101

FORMATS: dict[str, Callable[[SourceOptions], Collection]] = {
    "class_folders": read_class_folders,
    "frame_folders": read_frame_folders,
    "csv": read_csv_list,
    "ucf101": read_ucf101,
    "hmdb51": read_hmdb51,
    "jester": read_jester,
    "something_something_v1": read_jester,
    "something_something_v2": read_something_something,
    "kinetics": read_kinetics,
    "mmaction2": read_numbered_list,
    "tsn": read_numbered_list,
    "coco_vid": read_coco_vid,
    "imagenet_vid": read_imagenet_vid,
    "mot": read_mot,
}


def read_collection(source_format: str, options: SourceOptions) -> Collection:
    """Lists the clips of a collection without opening videos.

    Args:
        source_format: One of `FORMATS`.
        options: The paths of the videos and the lists, and further options.

    Raises:
        FileNotFoundError: If a folder or a list does not exist.
        ValueError: If a list does not follow its format, a head has fewer
            than two classes, or only some clips have a split.
    """
    if source_format not in FORMATS:
        raise ValueError(
            f"`source_format` must be one of {list(FORMATS)}. "
            f"Received: source_format={source_format!r}"
        )
    if not options.root.is_dir():
        raise FileNotFoundError(
            f"The folder of videos {options.root} does not exist."
        )
    collection = FORMATS[source_format](options)
    if not collection.clips:
        raise ValueError(f"{options.list_folder} lists no clips.")
    if collection.has_boxes and not collection.label_names:
        raise ValueError(f"{options.list_folder} has no box with a class.")
    for place, head in enumerate(collection.heads):
        labels = head.label_names
        if collection.has_boxes:
            continue  # One class is enough, and clips have none.
        unknown = {clip.labels[place] for clip in collection.clips} - {*labels}
        if unknown or len(labels) < 2:
            of_head = f" of the head {head.name!r}" if head.name else ""
            raise ValueError(
                f"{options.list_folder} must have two classes or more{of_head} "
                f"and name them all. Received: {list(labels)[:5]}, and clips "
                f"of the classes {sorted(unknown)[:5]}"
            )
    # The result must not depend on the order and on repeats in lists.
    parts: dict[tuple, ClipSource] = {}
    for clip in sorted(collection.clips, key=repr):
        part = (clip.path, clip.start or 0.0, clip.end)
        other = parts.setdefault(part, clip)
        if (other.truth(), other.split) != (clip.truth(), clip.split):
            where = clip.path
            if clip.start or clip.end:
                where += f" from {part[1]} to {clip.end or 'the end'}"
            raise ValueError(
                f"{options.list_folder} must give a clip one label and one "
                f"split. Received: {where} as {other.truth()!r} "
                f"({other.split}) and as {clip.truth()!r} ({clip.split})"
            )
    clips = tuple(parts.values())
    splits = {clip.split for clip in clips}
    if None in splits and len(splits) > 1:
        raise ValueError(
            f"{options.list_folder} must give a split to all clips or to none. "
            f"Received: {sorted(map(str, splits))}"
        )
    return dataclasses.replace(collection, clips=clips)
