"""Reads COCO-VID: JSON with videos, their images, and boxes with tracks."""

import collections
import json
import os
import pathlib
from typing import Any

from tsm_keras.data.prepare.collections.boxes.boxed_video import (
    BoxedVideo,
    BoxList,
    box_head,
    number,
)
from tsm_keras.data.prepare.collections.collection import (
    Collection,
    SourceOptions,
    list_files,
    reading,
)
from tsm_keras.data.prepare.collections.csv_list import list_split

_FRAME_RATE = 30.0  # Of folders of frames whose video does not give it.
_Broken = list[tuple[str, int | None, str]]


def read_coco_vid(options: SourceOptions) -> Collection:
    """Reads a JSON file, or all JSON files of a folder.

    The name of a file gives the split (`train.json`). A video that has a
    `file_name` is a file; the frames of another are the files that its images
    name. Frames are numbered by `frame_id`, from 0 in video files. An image
    without annotations is a frame without objects; a frame without an image is
    a frame whose objects are not known. `iscrowd` and `ignore` mark boxes that
    a detector need not find.
    """
    lists = options.list_folder
    files = list_files(lists, "*.json") if lists.is_dir() else [lists]
    names: list[str] = []
    clips: list[BoxedVideo] = []
    broken: _Broken = []
    for file in files:
        with reading(file):
            content = _read(file)
            found = [str(each["name"]) for each in content["categories"]]
            if not names:
                names = found
            if names != found:
                raise ValueError(
                    "all files must have the same categories, "
                    f"{names[:5]}. Received: {found[:5]}"
                )
            clips += _videos(options, file, content, names, broken)
    return Collection(
        options.root,
        box_head(names),
        tuple(clips),
        has_boxes=True,
        broken_boxes=tuple(broken),
    )


def _read(file: pathlib.Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except RecursionError as error:
        raise ValueError("its values are nested too deeply") from error
    lists = ("categories", "videos", "images", "annotations")
    if not isinstance(content, dict) or not all(
        isinstance(content.get(name), list)
        and all(isinstance(entry, dict) for entry in content[name])
        for name in lists
    ):
        raise ValueError(f"it must have the lists {lists} of objects")
    return content


def _videos(options, file, content, names, broken):
    categories = {
        each["id"]: place for place, each in enumerate(content["categories"])
    }
    images = collections.defaultdict(list)
    for image in content["images"]:
        images[image["video_id"]].append(image)
    videos, boxes = [], {}
    frames: dict[Any, tuple[Any, int]] = {}
    for video in content["videos"]:
        key = video["id"]
        own = sorted(images.pop(key, ()), key=lambda image: image["frame_id"])
        is_file = "file_name" in video
        numbers = [
            int(image["frame_id"]) if is_file else place
            for place, image in enumerate(own)
        ]
        for image, frame in zip(own, numbers, strict=True):
            frames[image["id"]] = key, frame
        boxes[key] = BoxList(categories)
        videos.append((video, own, numbers))
    if images:
        raise ValueError(f"images name unknown videos: {[*images][:5]}")
    for one in content["annotations"]:
        where = frames.get(one.get("image_id"))
        if where is None or one.get("video_id", where[0]) != where[0]:
            reason = f"no image {one.get('image_id')!r} of its video"
            broken.append((file.name, None, reason))
            continue
        key, frame = where
        box = one.get("bbox")
        if not isinstance(box, list) or len(box) != 4:
            box = [None] * 4
        x, y, width, height = map(number, box)
        boxes[key].add(
            frame,
            (x, y, x + width, y + height),
            one.get("category_id"),
            one.get("instance_id", one.get("track_id", -1)),
            ignored=bool(one.get("iscrowd") or one.get("ignore")),
        )
    for video, own, numbers in videos:
        size = _size(video) or (_size(own[0]) if own else None)
        found = boxes[video["id"]].finish(names, numbers, size)
        where = _files(options, video, own)
        yield BoxedVideo(split=list_split(file), boxes=found, **where)


def _files(options, video, images):
    """Returns where the frames of a video are, as fields of `BoxedVideo`."""
    if "file_name" in video:
        return {"path": os.path.normpath(str(video["file_name"]))}
    paths = [pathlib.PurePath(str(image["file_name"])) for image in images]
    if not paths:
        raise ValueError(f"the video {video['id']!r} has no images")
    folder = paths[0].parent
    rate = number(video.get("fps", options.frame_rate or _FRAME_RATE))
    return {
        "path": str(folder),
        "files": tuple(os.path.relpath(path, folder) for path in paths),
        "frame_rate": options.frame_rate or rate,
    }


def _size(entry):
    size = tuple(number(entry.get(side)) for side in ("width", "height"))
    return tuple(map(int, size)) if all(side > 0 for side in size) else None
