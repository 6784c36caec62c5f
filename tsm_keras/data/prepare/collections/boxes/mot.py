"""Reads MOTChallenge's text, which CVAT writes too: one box per line."""

import configparser
import os
import pathlib

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
    read_lines,
    reading,
)
from tsm_keras.data.video.class_folders import VIDEO_SUFFIXES

_IMAGES = (".jpg", ".jpeg", ".png")
_ONE_CLASS = "object"  # The class of boxes whose lines do not give one.


def read_mot(options: SourceOptions) -> Collection:
    """Reads `SEQUENCE/gt/gt.txt` and frames in `SEQUENCE/img1`.

    A text beside a video of the same name (`street.txt`, `street.mp4`) is read
    as well. A line is `frame,id,x,y,w,h`, and optionally `mark,class`: frames
    count from 1, and a mark of 0 means that a detector need not find the box.
    The names of the classes are the lines of `gt/labels.txt`, which CVAT
    writes, or of `labels.txt` in the source; without them they are the numbers.
    `SEQUENCE/seqinfo.ini` gives the frame rate. All frames are annotated.
    """
    root = options.root
    texts = sorted(root.rglob("gt/gt.txt"), key=str)
    texts += sorted(
        (path for path in root.rglob("*.txt") if _video_beside(path)), key=str
    )
    found = {text: _lines(text) for text in texts}
    names, numbers = _classes(root, texts, found)
    clips = []
    for text, lines in found.items():
        boxes = BoxList(numbers)
        for line in lines:
            frame, track, *box = line[:6]
            x, y, width, height = map(number, box)
            at = number(frame)
            if not at.is_integer():
                boxes.broken.append((None, "the frame has no whole number"))
                continue
            boxes.add(
                int(at) - 1,
                (x, y, x + width, y + height),
                _class_of(line),
                track,
                ignored=len(line) > 6 and number(line[6]) == 0,
            )
        clips.append(_clip(options, text, boxes, names))
    if not clips:
        raise ValueError(
            f"{root} holds no sequences: it must have SEQUENCE/gt/gt.txt and "
            "SEQUENCE/img1, or videos with texts of the same names."
        )
    return Collection(root, box_head(names), tuple(clips), has_boxes=True)


def _clip(options, text, boxes, names):
    """Returns the video that a text belongs to."""
    root = options.root
    video = _video_beside(text)
    split = split_of_path(text.relative_to(root))
    if video:
        path = os.path.relpath(video, root)
        return BoxedVideo(path=path, split=split, boxes=boxes.finish(names))
    sequence = text.parent.parent
    info = _info(sequence / "seqinfo.ini")
    folder = sequence / info.get("imDir", "img1")
    files = sorted(
        name
        for name in (os.listdir(folder) if folder.is_dir() else [])
        if name.lower().endswith(_IMAGES) and not name.startswith(".")
    )
    rate = options.frame_rate or number(info.get("frameRate", "30"))
    if not rate > 0:
        raise ValueError(
            f"{sequence / 'seqinfo.ini'} must give a positive frameRate. "
            f"Received: frameRate={info['frameRate']!r}"
        )
    return BoxedVideo(
        path=os.path.relpath(folder, root),
        split=split,
        boxes=boxes.finish(names),
        files=tuple(files),
        frame_rate=rate,
    )


def _lines(text):
    rows = []
    for place, line in enumerate(read_lines(text), 1):
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) < 6:
            raise ValueError(
                f"{text}:{place}: a line must be frame,id,x,y,w,h,... "
                f"Received: {line[:80]!r}"
            )
        rows.append(cells)
    return rows


def _class_of(line):
    """Returns the class of a line; MOT15 has -1 in its place."""
    given = number(line[7]) if len(line) > 7 else -1.0
    return int(given) if given.is_integer() and given > 0 else _ONE_CLASS


def _classes(root, texts, found):
    """Returns the names of the classes, and the place of each by its number."""
    used = {_class_of(line) for lines in found.values() for line in lines}
    files = [root / "labels.txt", *(x.parent / "labels.txt" for x in texts)]
    lists = [read_lines(file) for file in files if file.is_file()]
    if lists and used != {_ONE_CLASS}:
        if any(names != lists[0] for names in lists):
            raise ValueError(
                f"All labels.txt of {root} must be equal. "
                f"Received: {[names[:5] for names in lists[:2]]}"
            )
        return lists[0], {i + 1: i for i in range(len(lists[0]))}
    order = sorted(used, key=lambda x: (x == _ONE_CLASS, x))
    return [str(x) for x in order], {x: i for i, x in enumerate(order)}


def _info(file: pathlib.Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    if not file.is_file():
        return {}
    with reading(file):
        try:
            parser.read_string(file.read_text("utf-8-sig"))
        except configparser.Error as error:
            raise ValueError(str(error)) from error
    return dict(parser["Sequence"]) if "Sequence" in parser else {}


def _video_beside(text: pathlib.Path) -> pathlib.Path | None:
    for suffix in VIDEO_SUFFIXES:
        if (video := text.with_suffix(suffix)).is_file():
            return video
    return None
