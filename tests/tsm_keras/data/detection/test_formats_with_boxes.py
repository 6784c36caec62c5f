import json
import pathlib

import cv2
import numpy as np
import pytest

from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import read_collection
from tsm_keras.data.video.encoding import write_video

COCO = {
    "categories": [{"id": 7, "name": "car"}, {"id": 9, "name": "dog"}],
    "videos": [{"id": 1, "file_name": "a.mp4", "width": 64, "height": 48}],
    "images": [
        {"id": 10, "video_id": 1, "frame_id": 0},
        {"id": 11, "video_id": 1, "frame_id": 2},
    ],
    "annotations": [
        {
            "id": 1,
            "image_id": 11,
            "category_id": 9,
            "instance_id": 4,
            "bbox": [8, 6, 16, 12],
            "iscrowd": 1,
        },
    ],
}


def _coco(folder, content):
    (folder / "train.json").write_text(json.dumps(content))
    return read_collection("coco_vid", SourceOptions(folder))


def _rows(clip):
    return [
        (row["frame"], row["box"].tolist(), row["label"], row["track"])
        for row in clip.boxes.rows
    ]


def test_coco_vid_gives_frames_boxes_classes_and_tracks(tmp_path):
    collection = _coco(tmp_path, COCO)
    (clip,) = collection.clips
    assert collection.label_names == ("car", "dog")
    assert (clip.path, clip.split, clip.files) == ("a.mp4", "train", None)
    assert _rows(clip) == [(2, [8, 6, 24, 18], 1, 4)]
    assert clip.boxes.rows["ignored"].tolist() == [True]
    assert clip.boxes.annotated == {0, 2}
    assert clip.boxes.size == (64, 48)
    assert not clip.boxes.broken and not collection.broken_boxes


def test_coco_vid_takes_frames_that_are_image_files(tmp_path):
    content = COCO | {
        "videos": [{"id": 1, "name": "a", "fps": 10}],
        "images": [
            # The numbers of frames may have gaps, as in YouTube-VIS.
            {"id": 11, "video_id": 1, "frame_id": 5, "file_name": "a/05.png"},
            {"id": 10, "video_id": 1, "frame_id": 0, "file_name": "a/00.png"},
        ],
    }
    (clip,) = _coco(tmp_path, content).clips
    assert (clip.path, clip.files) == ("a", ("00.png", "05.png"))
    assert clip.frame_rate == 10
    assert _rows(clip) == [(1, [8, 6, 24, 18], 1, 4)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"category_id": 8}, "unknown category 8"),
        ({"bbox": [1, 2, 3]}, "the box is not four numbers"),
        ({"bbox": [1, 2, 3, float("nan")]}, "the box is not four numbers"),
        ({"bbox": [1, 2, 10**400, 3]}, "the box is not four numbers"),
        ({"bbox": "abcd"}, "the box is not four numbers"),
    ],
)
def test_broken_boxes_of_coco_vid_have_reasons(tmp_path, change, reason):
    wrong = COCO["annotations"][0] | change
    (clip,) = _coco(tmp_path, COCO | {"annotations": [wrong]}).clips
    assert clip.boxes.broken == ((2, reason),)
    assert not len(clip.boxes.rows)


def test_boxes_of_unknown_images_are_reported(tmp_path):
    wrong = [
        COCO["annotations"][0] | {"image_id": 99},
        COCO["annotations"][0] | {"video_id": 3},
    ]
    collection = _coco(tmp_path, COCO | {"annotations": wrong})
    assert collection.broken_boxes == (
        ("train.json", None, "no image 99 of its video"),
        ("train.json", None, "no image 11 of its video"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        json.dumps(COCO | {"images": None}),
        json.dumps(COCO | {"images": [3]}),
        json.dumps(COCO | {"categories": [{"id": 1}]}),
        json.dumps(COCO | {"images": [{"id": 1, "video_id": 5}]}),
        "[" * 100_000,
    ],
)
def test_malformed_json_is_refused_with_the_name_of_the_file(tmp_path, text):
    (tmp_path / "train.json").write_text(text)
    with pytest.raises(ValueError, match=r"train\.json does not follow"):
        read_collection("coco_vid", SourceOptions(tmp_path))


def test_files_with_other_categories_are_refused(tmp_path):
    other = COCO | {"categories": COCO["categories"][::-1]}
    (tmp_path / "val.json").write_text(json.dumps(other))
    with pytest.raises(ValueError, match="the same categories"):
        _coco(tmp_path, COCO)


def test_a_video_with_two_annotations_is_refused(tmp_path):
    (tmp_path / "train_2.json").write_text(
        json.dumps(COCO | {"annotations": []})
    )
    with pytest.raises(ValueError, match=r"one label and one split.*a\.mp4"):
        _coco(tmp_path, COCO)


XML = """<annotation><size><width>64</width><height>48</height></size>
<object><trackid>3</trackid><name>{}</name><bndbox><xmax>24</xmax>
<xmin>8</xmin><ymax>18</ymax><ymin>6</ymin></bndbox></object></annotation>"""


def _imagenet(root, texts, first=0):
    frames = root / "Data/VID/train/batch/snippet"
    annotations = root / "Annotations/VID/train/batch/snippet"
    frames.mkdir(parents=True)
    annotations.mkdir(parents=True)
    for place in range(3):
        image = np.zeros((48, 64, 3), np.uint8)
        cv2.imwrite(str(frames / f"{first + place:06d}.JPEG"), image)
    for place, text in texts.items():
        (annotations / f"{place:06d}.xml").write_text(text)
    return read_collection("imagenet_vid", SourceOptions(root))


@pytest.mark.parametrize("first", [0, 5])
def test_imagenet_vid_gives_a_video_per_folder(tmp_path, first):
    texts = {first: XML.format("n02084071"), first + 2: "<annotation/>"}
    collection = _imagenet(tmp_path, texts, first)
    (clip,) = collection.clips
    assert len(collection.label_names) == 30
    assert clip.path == "Data/VID/train/batch/snippet"
    assert clip.split == "train"
    assert (clip.frame_pattern, clip.frame_rate) == ("%06d.JPEG", 30)
    dog = collection.label_names.index("dog")
    assert _rows(clip) == [(0, [8, 6, 24, 18], dog, 3)]
    assert clip.boxes.annotated == {0, 2}
    assert clip.boxes.size == (64, 48)


def test_other_names_in_the_xml_become_the_classes(tmp_path):
    texts = {0: XML.format("zebra"), 1: XML.format("ape")}
    collection = _imagenet(tmp_path, texts)
    assert collection.label_names == ("ape", "zebra")
    assert _rows(collection.clips[0])[1][2] == 0


def test_an_unknown_class_among_those_of_imagenet_is_reported(tmp_path):
    texts = {0: XML.format("n02084071"), 1: XML.format("n0")}
    (clip,) = _imagenet(tmp_path, texts).clips
    assert clip.boxes.broken == ((1, "unknown category 'n0'"),)


BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "boom">]>
<annotation><object><name>&b;</name></object></annotation>"""


@pytest.mark.parametrize(
    "text", [BOMB, BOMB.replace("<!DOCTYPE", "<!--x--><!DOCTYPE"), "<a>", ""]
)
def test_entities_and_broken_xml_are_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"000000\.xml does not follow"):
        _imagenet(tmp_path, {0: text})


def test_xml_in_another_encoding_hides_no_entities(tmp_path):
    with pytest.raises(ValueError, match=r"000000\.xml does not follow"):
        folder = tmp_path / "Annotations/VID/train/a"
        folder.mkdir(parents=True)
        (folder / "000000.xml").write_bytes(BOMB.encode("utf-16"))
        read_collection("imagenet_vid", SourceOptions(tmp_path))


def _mot(root, text, names=None, info="[Sequence]\nframeRate=10\n"):
    sequence = root / "train" / "street"
    (sequence / "gt").mkdir(parents=True)
    (sequence / "img1").mkdir()
    (sequence / "gt/gt.txt").write_text(text)
    (sequence / "seqinfo.ini").write_text(info)
    if names:
        (sequence / "gt/labels.txt").write_text(names)
    for place in range(1, 4):
        image = np.zeros((48, 64, 3), np.uint8)
        cv2.imwrite(str(sequence / f"img1/{place:06d}.png"), image)
    return read_collection("mot", SourceOptions(root))


def test_mot_counts_frames_from_one(tmp_path):
    text = "1,3,8,6,16,12,1,2,1.0\n3,3,8.5,6,16,12,0,1,0.5\n"
    collection = _mot(tmp_path, text, "person\ncar\n")
    (clip,) = collection.clips
    assert collection.label_names == ("person", "car")
    assert (clip.path, clip.split) == ("train/street/img1", "train")
    assert clip.files == ("000001.png", "000002.png", "000003.png")
    assert clip.frame_rate == 10
    assert _rows(clip) == [
        (0, [8, 6, 24, 18], 1, 3),
        (2, [8.5, 6, 24.5, 18], 0, 3),
    ]
    assert clip.boxes.rows["ignored"].tolist() == [False, True]
    assert clip.boxes.annotated is None


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("1,3,8,6,16,12", ("object",)),
        ("1,3,8,6,16,12,1,-1,-1,-1", ("object",)),
        ("1,3,8,6,16,12,1,12,1", ("12",)),
    ],
)
def test_mot_without_names_of_classes(tmp_path, line, names):
    collection = _mot(tmp_path, line)
    assert collection.label_names == names
    assert _rows(collection.clips[0]) == [(0, [8, 6, 24, 18], 0, 3)]


def test_mot_text_beside_a_video(tmp_path):
    frames = np.zeros((3, 48, 64, 3), np.uint8)
    write_video(tmp_path / "street.mp4", frames, fps=25)
    (tmp_path / "street.txt").write_text("2,1,8,6,16,12")
    (clip,) = read_collection("mot", SourceOptions(tmp_path)).clips
    assert (clip.path, clip.split, clip.files) == ("street.mp4", None, None)
    assert _rows(clip) == [(1, [8, 6, 24, 18], 0, 1)]


@pytest.mark.parametrize(
    ("line", "broken"),
    [
        ("0,1,8,6,16,12", (-1, "the video has no such frame")),
        ("1.5,1,8,6,16,12", (None, "the frame has no whole number")),
        ("1e300,1,8,6,16,12", "the video has no such frame"),
        ("1,1,8,6,x,12,1,1", (0, "the box is not four numbers")),
        ("1,1,8,6,16,12,1,5", (0, "unknown category 5")),
    ],
)
def test_broken_boxes_of_mot_have_reasons(tmp_path, line, broken):
    (clip,) = _mot(tmp_path, f"{line}\n1,1,0,0,9,9,1,1", "person").clips
    (found,) = clip.boxes.broken
    assert broken in (found, found[1])
    assert len(clip.boxes.rows) == 1


@pytest.mark.parametrize(
    ("text", "info", "match"),
    [
        ("1,2,3", "", r"gt\.txt:1: a line must be frame,id"),
        ("1,1,8,6,16,12", "frameRate=3", r"seqinfo\.ini does not follow"),
        (
            "1,1,8,6,16,12",
            "[Sequence]\nframeRate=0",
            r"seqinfo\.ini must give a positive frameRate",
        ),
    ],
)
def test_malformed_mot_is_refused(tmp_path, text, info, match):
    with pytest.raises(ValueError, match=match):
        _mot(tmp_path, text, info=info)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("coco_vid", "no list file"),
        ("imagenet_vid", "holds no annotations"),
        ("mot", "holds no sequences"),
    ],
)
def test_an_empty_folder_is_refused(tmp_path: pathlib.Path, name, match):
    with pytest.raises((ValueError, FileNotFoundError), match=match):
        read_collection(name, SourceOptions(tmp_path))
