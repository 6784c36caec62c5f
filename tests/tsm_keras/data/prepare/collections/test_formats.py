"""Every format, on a miniature of the real lists."""

import json
import shutil

import pytest

from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    SourceOptions,
)
from tsm_keras.data.prepare.collections.formats import FORMATS, read_collection


def _write(folder, files):
    """Writes files, by relative path; the content of videos does not matter."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _read(root, source_format, **options):
    return read_collection(source_format, SourceOptions(root, **options))


def _rows(collection):
    return sorted(
        (clip.path, clip.label, clip.split) for clip in collection.clips
    )


def test_class_folders(tmp_path):
    _write(
        tmp_path,
        {
            "wave/b.mp4": "",
            "wave/session 2/a.WEBM": "",
            "wave/notes.txt": "",
            "wave/.hidden.mp4": "",
            "clap/c.avi": "",
            "wave/folder.mp4/d.mp4": "",
            ".git/d.mp4": "",
            "list.csv": "",
        },
    )
    collection = _read(tmp_path, "class_folders")
    assert collection.label_names == ("clap", "wave")
    assert _rows(collection) == [
        ("clap/c.avi", "clap", None),
        ("wave/b.mp4", "wave", None),
        ("wave/folder.mp4/d.mp4", "wave", None),
        ("wave/session 2/a.WEBM", "wave", None),
    ]


def test_class_folders_of_splits(tmp_path):
    _write(
        tmp_path,
        {
            "training/wave/1.mp4": "",
            "training/clap/1.mp4": "",
            "Validation/wave/2.mp4": "",
            "test/clap/3.mp4": "",
        },
    )
    assert _rows(_read(tmp_path, "class_folders")) == [
        ("Validation/wave/2.mp4", "wave", "val"),
        ("test/clap/3.mp4", "clap", "test"),
        ("training/clap/1.mp4", "clap", "train"),
        ("training/wave/1.mp4", "wave", "train"),
    ]
    for more in ("train/wave/1.mp4", "extra/wave/1.mp4"):
        _write(tmp_path, {more: ""})
        with pytest.raises(ValueError, match="folder per split or only"):
            _read(tmp_path, "class_folders")
        shutil.rmtree((tmp_path / more).parents[1])


def test_a_class_may_be_called_test(tmp_path):
    _write(tmp_path, {"test/1.mp4": "", "wave/1.mp4": ""})
    assert _read(tmp_path, "class_folders").label_names == ("test", "wave")


def test_frame_folders(tmp_path):
    _write(
        tmp_path,
        {"wave/1/img_00001.jpg": "", "clap/2/img_00001.jpg": ""},
    )
    collection = _read(tmp_path, "frame_folders", frame_rate=12.0)
    assert collection.clips == (
        ClipSource(
            "clap/2",
            "clap",
            frame_pattern="img_%05d.jpg",
            frame_rate=12.0,
        ),
        ClipSource(
            "wave/1",
            "wave",
            frame_pattern="img_%05d.jpg",
            frame_rate=12.0,
        ),
    )


def test_csv_without_a_header(tmp_path):
    _write(
        tmp_path,
        {
            "clips.csv": 'a.mp4,wave\n"b, c.mp4",clap, 1.5 ,3\n\n'
            "frames/d,clap,2\n",
            "frames/d/img_00001.jpg": "",
        },
    )
    collection = _read(tmp_path, "csv", lists=tmp_path / "clips.csv")
    assert set(collection.clips) == {
        ClipSource("a.mp4", "wave"),
        ClipSource("b, c.mp4", "clap", start=1.5, end=3.0),
        ClipSource(
            "frames/d",
            "clap",
            start=2.0,
            frame_pattern="img_%05d.jpg",
            frame_rate=30.0,
        ),
    }


def test_csv_with_a_header_in_any_order(tmp_path):
    text = "Split\tlabel\tcamera\tpath\ntrain\t10\tA\ta.mp4\ndev\t9\tB\tb.mp4\n"
    _write(tmp_path, {"clips.tsv": "\ufeff" + text})
    collection = _read(tmp_path, "csv", lists=tmp_path / "clips.tsv")
    assert collection.label_names == ("9", "10")
    assert _rows(collection) == [
        ("a.mp4", "10", "train"),
        ("b.mp4", "9", "val"),
    ]


def test_csv_lists_named_after_splits(tmp_path):
    _write(
        tmp_path,
        {"my_train.csv": "a.mp4,x\nb.mp4,y\n", "my_test.csv": "c.mp4,x\n"},
    )
    assert _rows(_read(tmp_path, "csv")) == [
        ("a.mp4", "x", "train"),
        ("b.mp4", "y", "train"),
        ("c.mp4", "x", "test"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.mp4,x\nb.mp4\n", r"clips\.csv:2: .*path and a label"),
        ("a.mp4,x\nb.mp4,y,one\n", r"clips\.csv:2: `start`.*'one'"),
        ("a.mp4,x\nb.mp4,y,-1\n", r"clips\.csv:2: `start`.*'-1'"),
        ("a.mp4,x\nb.mp4,y,3,2\n", r"clips\.csv:2: `end`.*start=3.0"),
        ("a.mp4,x,,,half\n", r"clips\.csv:1: `split`.*'half'"),
        ("a.mp4,x\nb.mp4,y\na.mp4,y\n", "one label and one split"),
        ("a.mp4,x,,,train\nb.mp4,y\n", "a split to all clips or to none"),
        ("clip,cls\na.mp4,x\nb.mp4,y\n", "must name `path` and `label`"),
        ("a.mp4,x\nb.mp4,y,1e300\n", r"clips\.csv:2: `start`.*'1e300'"),
        ('a.mp4,x\n"b\n' + "x\n" * 140_000, r"clips\.csv:2: a row .* limit"),
        ("a.mp4,x\n" + "b" * 131_073 + ",y\n", r"clips\.csv:2: a row"),
        ("a.mp4,x\nb\0.mp4,y\n", r"clips\.csv:2: .*character 0.*'b.x00"),
        ("a.mp4,x\n", "two classes or more"),
        ("", "lists no clips"),
    ],
)
def test_wrong_csv_lists_are_refused(tmp_path, text, message):
    _write(tmp_path, {"clips.csv": text})
    with pytest.raises(ValueError, match=message):
        _read(tmp_path, "csv", lists=tmp_path / "clips.csv")


def test_messages_stay_short_and_name_the_line_of_the_file(tmp_path):
    _write(tmp_path, {"clips.csv": f'"a\n.mp4",x\n{"b" * 9_000}\n'})
    with pytest.raises(ValueError, match=r"clips\.csv:3: ") as caught:
        _read(tmp_path, "csv")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_list_in_another_encoding_is_told_shortly(tmp_path, encoding):
    text = "größe/a.mp4,x\n" * 1_000
    (tmp_path / "clips.csv").write_bytes(text.encode(encoding))
    with pytest.raises(ValueError, match=r"clips\.csv .* be text in UTF-8"):
        _read(tmp_path, "csv")
    with pytest.raises(ValueError) as caught:
        _read(tmp_path, "csv")
    assert len(str(caught.value)) < 300


def test_a_list_with_blanks_between_its_columns_gets_a_hint(tmp_path):
    _write(tmp_path, {"clips.csv": "a.mp4 x\nb.mp4 y\n"})
    with pytest.raises(ValueError, match=r"comma, a semicolon or a tab.*a.mp4"):
        _read(tmp_path, "csv")


def test_segments_of_a_file_may_begin_together(tmp_path):
    text = "a.mp4,x,,3\na.mp4,y,0,5\na.mp4,x,0,3\na.mp4,y,2,5\n"
    _write(tmp_path, {"clips.csv": text})
    parts = [
        (clip.start or 0.0, clip.end) for clip in _read(tmp_path, "csv").clips
    ]
    assert sorted(parts) == [(0.0, 3.0), (0.0, 5.0), (2.0, 5.0)]
    _write(tmp_path, {"clips.csv": text + "a.mp4,y,0.0,3\n"})
    message = r"a\.mp4 from 0\.0 to 3\.0 as '[xy]' \(None\) and as '[xy]'"
    with pytest.raises(ValueError, match=message):
        _read(tmp_path, "csv")


def test_ucf101(tmp_path):
    videos, lists = tmp_path / "UCF-101", tmp_path / "ucfTrainTestlist"
    videos.mkdir()
    _write(
        lists,
        {
            "classInd.txt": "1 ApplyEyeMakeup\r\n10 Archery\r\n2 YoYo\r\n",
            "trainlist01.txt": "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1"
            "\r\nYoYo/v_YoYo_g09_c02.avi 2\r\n",
            "testlist01.txt": "Archery/v_Archery_g01_c01.avi\r\n",
            "trainlist02.txt": "Archery/v_Archery_g01_c01.avi 10\n",
            "testlist02.txt": "YoYo/v_YoYo_g09_c02.avi\n",
        },
    )
    collection = _read(videos, "ucf101", lists=lists)
    assert collection.label_names == ("ApplyEyeMakeup", "YoYo", "Archery")
    assert _rows(collection) == [
        (
            "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi",
            "ApplyEyeMakeup",
            "train",
        ),
        ("Archery/v_Archery_g01_c01.avi", "Archery", "test"),
        ("YoYo/v_YoYo_g09_c02.avi", "YoYo", "train"),
    ]
    second = _read(videos, "ucf101", lists=lists, fold=2)
    assert [clip.split for clip in second.clips] == ["train", "test"]
    with pytest.raises(FileNotFoundError, match=r"trainlist03\.txt"):
        _read(videos, "ucf101", lists=lists, fold=3)


def test_hmdb51(tmp_path):
    _write(
        tmp_path,
        {
            "brush_hair_test_split1.txt": "April_09_brush_hair_0.avi 1 \n"
            "Brush my hair (2) f.avi 2 \nunused.avi 0 \n",
            "cartwheel_test_split1.txt": "wheel.avi 1 \n",
            "cartwheel_test_split2.txt": "wheel.avi 2 \n",
        },
    )
    collection = _read(tmp_path, "hmdb51")
    assert collection.label_names == ("brush_hair", "cartwheel")
    assert _rows(collection) == [
        ("brush_hair/April_09_brush_hair_0.avi", "brush_hair", "train"),
        ("brush_hair/Brush my hair (2) f.avi", "brush_hair", "test"),
        ("cartwheel/wheel.avi", "cartwheel", "train"),
    ]


@pytest.mark.parametrize(
    ("source_format", "prefix"),
    [
        ("jester", "jester-v1"),
        ("something_something_v1", "something-something-v1"),
    ],
)
def test_semicolon_lists(tmp_path, source_format, prefix):
    videos, lists = tmp_path / "20bn", tmp_path / "lists"
    videos.mkdir()
    _write(
        lists,
        {
            f"{prefix}-labels.csv": "Swiping Left\nDoing other things\n",
            f"{prefix}-train.csv": "34870;Doing other things\n56557;"
            "Swiping Left\n",
            f"{prefix}-validation.csv": "9223;Swiping Left\n",
            f"{prefix}-test.csv": "1\n2\n",
        },
    )
    collection = _read(videos, source_format, lists=lists)
    assert collection.label_names == ("Swiping Left", "Doing other things")
    frames = {"frame_pattern": "%05d.jpg", "frame_rate": 12.0}
    assert set(collection.clips) == {
        ClipSource("34870", "Doing other things", "train", **frames),
        ClipSource("56557", "Swiping Left", "train", **frames),
        ClipSource("9223", "Swiping Left", "val", **frames),
    }


def test_something_something_v2(tmp_path):
    left, right = (
        f"Pulling [something] from {way}"
        for way in ("left to right", "right to left")
    )
    _write(
        tmp_path,
        {
            "something-something-v2-labels.json": json.dumps(
                {
                    right.replace("[", "").replace("]", ""): "1",
                    left.replace("[", "").replace("]", ""): "0",
                }
            ),
            "something-something-v2-train.json": json.dumps(
                [
                    {
                        "id": "78687",
                        "label": "pulling a box from left to right",
                        "template": left,
                        "placeholders": ["a box"],
                    }
                ]
            ),
            "something-something-v2-validation.json": json.dumps(
                [{"id": "74225", "label": "pulling", "template": right}]
            ),
            "something-something-v2-test.json": json.dumps([{"id": "1420"}]),
        },
    )
    collection = _read(tmp_path, "something_something_v2")
    names = (
        "Pulling something from left to right",
        "Pulling something from right to left",
    )
    assert collection.label_names == names
    assert _rows(collection) == [
        ("74225.webm", names[1], "val"),
        ("78687.webm", names[0], "train"),
    ]


def test_kinetics(tmp_path):
    videos, lists = tmp_path / "videos", tmp_path / "lists"
    _write(
        videos,
        {
            "train/abseiling/---QUuC4vJs_000084_000094.mp4": "",
            "0wR5jVB-WPk.webm": "",
            "val/abc_000001_000011.mkv": "",
        },
    )
    header = "label,youtube_id,time_start,time_end,split,is_cc\n"
    _write(
        lists,
        {
            "kinetics_train.csv": header
            + "abseiling,---QUuC4vJs,84,94,train,0\n"
            + '"air, drumming",0wR5jVB-WPk,417,427,train,0\n'
            + "abseiling,not_there_0,3,13,train,0\n",
            "kinetics_val.csv": header + "abseiling,abc,1,11,validate,0\n",
            "kinetics_test.csv": header + ",xyz,1,11,test,0\n",
        },
    )
    collection = _read(videos, "kinetics", lists=lists)
    assert collection.label_names == ("abseiling", "air, drumming")
    assert set(collection.clips) == {
        ClipSource(
            "train/abseiling/---QUuC4vJs_000084_000094.mp4",
            "abseiling",
            "train",
        ),
        ClipSource("0wR5jVB-WPk.webm", "air, drumming", "train", 417.0, 427.0),
        ClipSource("not_there_0_000003_000013.mp4", "abseiling", "train"),
        ClipSource("val/abc_000001_000011.mkv", "abseiling", "val"),
    }
    _write(lists, {"kinetics_val.csv": header + "abseiling,abc,11,1,val,0\n"})
    with pytest.raises(ValueError, match=r"kinetics_val\.csv:2: `time_end`"):
        _read(videos, "kinetics", lists=lists)
    _write(lists, {"kinetics_val.csv": header + "x,abc,1,1e300,val,0\n"})
    message = r"kinetics_val\.csv:2: `time_end` .* Received: '1e300'"
    with pytest.raises(ValueError, match=message):
        _read(videos, "kinetics", lists=lists)
    _write(lists, {"kinetics_val.csv": header + "x,,1,2,val,0\n"})
    with pytest.raises(ValueError, match=r"kinetics_val\.csv:2: .*youtube_id"):
        _read(videos, "kinetics", lists=lists)


def test_mmaction2_lists_of_videos(tmp_path):
    _write(
        tmp_path,
        {
            "lists/my_train_list_videos.txt": "wave/a.mp4 1\nclap/b c.mp4 0\n",
            "lists/my_val_list_videos.txt": "x/d.mp4   10\n",
        },
    )
    collection = _read(tmp_path, "mmaction2", lists=tmp_path / "lists")
    assert collection.label_names == ("0", "1", "10")  # By their values.
    assert _rows(collection) == [
        ("clap/b c.mp4", "0", "train"),
        ("wave/a.mp4", "1", "train"),
        ("x/d.mp4", "10", "val"),
    ]
    assert {clip.frame_pattern for clip in collection.clips} == {None}


def test_lists_of_frames_and_of_one_fold_with_class_names(tmp_path):
    _write(
        tmp_path,
        {
            "take 7/clip.mp4": "",
            "lists/u_train_split_1_rawframes.txt": "wave/a 34 1\n",
            "lists/u_train_split_2_rawframes.txt": "wave/a 34 0\n",
            "lists/u_val_split_1_rawframes.txt": "clap/c 20 0\n",
            "lists/label_map.txt": "clap\nwave\njump high\n",
            "one.txt": "take 7 2\n",
        },
    )
    lists = tmp_path / "lists"
    collection = _read(tmp_path, "tsn", lists=lists, frame_rate=25.0)
    assert collection.label_names == ("clap", "wave", "jump high")
    assert {*collection.clips} == {
        ClipSource("wave/a", "wave", "train", None, None, "img_%05d.jpg", 25.0),
        ClipSource("clap/c", "clap", "val", None, None, "img_%05d.jpg", 25.0),
    }
    second = _read(tmp_path, "tsn", lists=lists, fold=2)
    assert ("wave/a", "clap", "train") in _rows(second)


def test_a_path_may_end_in_a_number(tmp_path):
    _write(tmp_path, {"take 7/x": "", "a.txt": "take 7 0\ntake 8 1\n"})
    collection = _read(tmp_path, "mmaction2", lists=tmp_path / "a.txt")
    found = {clip.path: clip.frame_pattern for clip in collection.clips}
    # There is no folder `take 8`: these are 8 frames of the folder `take`.
    assert found == {"take 7": None, "take": "img_%05d.jpg"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.mp4\n", "line 1 must be `path label`"),
        ("a.mp4 0\na.mp4 wave\n", "line 2 must be `path label`"),
        ("a.mp4 0\nb.mp4 2\n", "label of line 2 must be below 2"),
    ],
)
def test_wrong_numbered_lists_are_refused(tmp_path, text, message):
    _write(tmp_path, {"train.txt": text, "labels.txt": "x\ny\n"})
    with pytest.raises(ValueError, match=f"train.txt: .*{message}|{message}"):
        _read(tmp_path, "mmaction2")


def test_a_label_that_is_not_in_the_list_is_named(tmp_path):
    _write(
        tmp_path,
        {
            "jester-v1-labels.csv": "Stop\nGo\n",
            "jester-v1-train.csv": "1;Stop\n2;Went\n",
            "jester-v1-validation.csv": "",
        },
    )
    with pytest.raises(ValueError, match="Went"):
        _read(tmp_path, "jester")


@pytest.mark.parametrize("source_format", FORMATS)
def test_an_empty_folder_is_refused(tmp_path, source_format):
    with pytest.raises((ValueError, FileNotFoundError), match=str(tmp_path)):
        _read(tmp_path, source_format)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        _read(tmp_path / "typo", source_format)


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match="source_format='ucf'"):
        _read(tmp_path, "ucf")


@pytest.mark.parametrize(
    ("source_format", "name", "text"),
    [
        ("ucf101", "classInd.txt", "ApplyEyeMakeup\n"),
        ("hmdb51", "a_test_split1.txt", "clip.avi\n"),
        ("something_something_v2", "train.json", '[{"id": "1"}]'),
        ("something_something_v2", "train.json", "[{"),
        ("csv", "clips.csv", b"caf\xe9.mp4,x\n"),
    ],
)
def test_a_list_of_another_format_is_named(tmp_path, source_format, name, text):
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} does not follow its format"):
        _read(tmp_path, source_format)
