"""Reads ImageNet-VID: folders of frames, and one XML file per frame."""

import os
import pathlib
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from tsm_keras.data.prepare.collections.boxes.boxed_video import (
    BoxedVideo,
    BoxList,
    box_head,
    number,
    split_of_path,
)
from tsm_keras.data.prepare.collections.collection import (
    Collection,
    SourceOptions,
    reading,
)
from tsm_keras.data.video.frame_folder import pattern_matcher

# The classes of ImageNet-VID. Identifiers, names and order are those of
# `lib/dataset/imagenet_vid.py` in the repository of Flow-Guided Feature
# Aggregation (github.com/msracver/Flow-Guided-Feature-Aggregation), which
# published detectors share.
_CLASSES = {
    "n02691156": "airplane",
    "n02419796": "antelope",
    "n02131653": "bear",
    "n02834778": "bicycle",
    "n01503061": "bird",
    "n02924116": "bus",
    "n02958343": "car",
    "n02402425": "cattle",
    "n02084071": "dog",
    "n02121808": "domestic_cat",
    "n02503517": "elephant",
    "n02118333": "fox",
    "n02510455": "giant_panda",
    "n02342885": "hamster",
    "n02374451": "horse",
    "n02129165": "lion",
    "n01674464": "lizard",
    "n02484322": "monkey",
    "n03790512": "motorcycle",
    "n02324045": "rabbit",
    "n02509815": "red_panda",
    "n02411705": "sheep",
    "n01726692": "snake",
    "n02355227": "squirrel",
    "n02129604": "tiger",
    "n04468005": "train",
    "n01662784": "turtle",
    "n04530566": "watercraft",
    "n02062744": "whale",
    "n02391049": "zebra",
}


def read_imagenet_vid(options: SourceOptions) -> Collection:
    """Reads `Data/VID/SPLIT/.../VIDEO/000000.JPEG` and its annotations.

    The annotations are the files `Annotations/VID/SPLIT/.../VIDEO/000000.xml`.
    A frame without a file is a frame whose objects are not known. The classes
    are those of ImageNet-VID if a box has one of them, else the names in the
    files, sorted. `--lists` is the folder of the annotations, if it is not
    `Annotations/VID` in the source.
    """
    annotations = options.lists or options.root / "Annotations" / "VID"
    frames = options.frames("%06d.JPEG", 30.0)
    videos = {
        path: [_parse(file) for file in files]
        for path, files in _annotated_folders(annotations)
    }
    found = {
        name
        for parsed in videos.values()
        for _, _, objects in parsed
        for name, *_ in objects
    }
    numbers: dict[object, int] = {key: i for i, key in enumerate(_CLASSES)}
    names = [*_CLASSES.values()]
    if not found & {*_CLASSES}:
        names = sorted(name for name in found if isinstance(name, str))
        numbers = {name: place for place, name in enumerate(names)}
    clips = []
    for relative, parsed in videos.items():
        folder = _frame_folder(options.root, relative)
        first = _first_number(options.root / folder, frames["frame_pattern"])
        boxes = BoxList(numbers)
        for place, _, objects in parsed:
            for name, box, track in objects:
                boxes.add(place - first, box, name, track)
        annotated = [place - first for place, *_ in parsed]
        size = next((size for _, size, _ in parsed if size), None)
        clips.append(
            BoxedVideo(
                path=str(folder),
                split=split_of_path(relative),
                boxes=boxes.finish(names, annotated, size),
                **frames,
            )
        )
    if not clips:
        raise ValueError(
            f"{annotations} holds no annotations: it must have one folder per "
            "video, with one file such as 000000.xml per frame in it."
        )
    return Collection(
        options.root, box_head(names), tuple(clips), has_boxes=True
    )


def _annotated_folders(
    root: pathlib.Path,
) -> Iterator[tuple[pathlib.Path, list[pathlib.Path]]]:
    """Yields the path below `root` and the XML files of each video."""
    for folder, folders, names in os.walk(root, followlinks=True):
        folders.sort()
        files = [
            pathlib.Path(folder, name)
            for name in sorted(names)
            if re.fullmatch(r"\d+\.xml", name)
        ]
        if files:
            yield pathlib.Path(folder).relative_to(root), files


def _frame_folder(root, relative):
    """Returns the folder of a video's frames, relative to the source."""
    official = pathlib.Path("Data", "VID", relative)
    return official if (root / official).is_dir() else relative


def _first_number(folder, pattern):
    number_of = pattern_matcher(pattern)
    names = os.listdir(folder) if folder.is_dir() else []
    found = [n for n in map(number_of, names) if n is not None]
    return min(found, default=0)


def _parse(file):
    """Returns the number of a frame, its size or None, and its objects.

    An object is a class, four sides of a box, and a track, as they are written.
    """
    with reading(file):
        text = file.read_text("utf-8")
        # A document type may define entities, which may grow without bounds.
        if re.search(r"<!(?!--|\[CDATA\[)", text):
            raise ValueError("it must not have a document type definition")
        try:
            root = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise ValueError(str(error)) from error
    objects = []
    for one in root.iter("object"):
        box = [one.findtext(f"bndbox/{x}") for x in _SIDES]
        objects.append((one.findtext("name"), box, one.findtext("trackid")))
    sides = [
        number(root.findtext(f"size/{name}")) for name in ("width", "height")
    ]
    size = tuple(map(int, sides)) if all(x > 0 for x in sides) else None
    return int(file.stem), size, objects


_SIDES = ("xmin", "ymin", "xmax", "ymax")
