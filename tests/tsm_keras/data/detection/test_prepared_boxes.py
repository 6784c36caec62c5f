import csv
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from testing.boxed_videos import shared_boxed, shared_folder
from testing.painted_videos import bright_part, write_sequence
from testing.prepared import shared_prepared
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.prepare.prepare import plan_dataset, prepare
from tsm_keras.data.readers.boxed_reader import BoxedReader
from tsm_keras.data.readers.detection_videos import detection_videos
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.storage.prepared_dataset import open_prepared
from tsm_keras.data.storage.split_boxes import boxes_path, read_boxes
from tsm_keras.models.config import VideoClassifierConfig


def _prepare(folder, **options):
    images = ImageSettings(options.pop("short_side", 40), quality=95)
    return prepare(
        folder / "in",
        folder / "out",
        "mot",
        images=images,
        val_fraction=0,
        test_fraction=0,
        workers=1,
        **options,
    )


def _compare(video, tolerance=1.5):
    checked = 0
    for number, frame in enumerate(video.frames()):
        truth, painted = video.truth(number), bright_part(frame)
        if painted is None:
            continue
        np.testing.assert_allclose(truth.boxes[0], painted, atol=tolerance)
        checked += 1
    return checked


@pytest.mark.parametrize(
    "sizes",
    [
        [(60, 90)] * 4,
        [(90, 60)] * 4,
        [(20, 30)] * 4,
        # A phone is turned: the middle of all frames is stored.
        [(60, 90), (60, 90), (90, 60), (90, 60)],
    ],
)
def test_boxes_fit_the_frames_that_are_stored(tmp_path, sizes):
    boxes = [
        (width // 3 + 2 * place, height // 3, width // 2 + 8, height // 2 + 4)
        for place, (height, width) in enumerate(sizes)
    ]
    write_sequence(tmp_path / "in", boxes, sizes)
    dataset = _prepare(tmp_path)
    (video,) = detection_videos(dataset, "train")
    assert _compare(video) == 4
    assert dataset.boxes.stored == 4 and not dataset.boxes.broken


def test_boxes_stay_with_their_frames_if_some_frames_are_left_out(tmp_path):
    boxes = [(6 * place, 10, 6 * place + 12, 22) for place in range(9)]
    write_sequence(tmp_path / "in", boxes, [(40, 64)] * 9)
    images = ImageSettings(40, quality=95, max_frame_rate=10)
    dataset = prepare(
        tmp_path / "in",
        tmp_path / "out",
        "mot",
        images=images,
        val_fraction=0,
        test_fraction=0,
        workers=1,
    )
    (video,) = detection_videos(dataset, "train")
    assert video.num_frames == 3
    assert [video.truth(i).boxes[0, 0] for i in range(3)] == [0, 18, 36]
    assert _compare(video) == 3


def test_broken_boxes_are_listed_and_the_others_stay(tmp_path):
    extra = "\n".join(
        [
            "1,2,-9,5,4,4",  # Outside.
            "1,3,5,5,0,4",  # Empty.
            "9,4,5,5,4,4",  # The video has four frames.
            "2,5,-4,5,10,4",  # Partly outside: clipped.
            "2,6,5,5,4,4,0",  # Not needed.
            "2,7,a,5,4,4",
        ]
    )
    boxes = [(10, 10, 20, 20)] * 4
    write_sequence(tmp_path / "in", boxes, [(40, 64)] * 4, extra=extra)
    dataset = _prepare(tmp_path)
    with (tmp_path / "out/broken_boxes.csv").open() as file:
        rows = list(csv.reader(file))
    path = "street/img1"
    assert rows == [
        ["path", "frame", "reason"],
        [path, "0", "the box is empty"],
        [path, "0", "the box is outside the frame"],
        [path, "1", "the box is not four numbers"],
        [path, "8", "the video has no such frame"],
    ]
    assert dataset.boxes.broken == {
        "the box is empty": 1,
        "the box is outside the frame": 1,
        "the box is not four numbers": 1,
        "the video has no such frame": 1,
    }
    counts = dataset.boxes
    assert (counts.stored, counts.clipped, counts.ignored) == (6, 1, 1)
    (video,) = detection_videos(dataset, "train")
    truth = video.truth(1)
    assert truth.tracks.tolist() == [1, 5, 6]
    np.testing.assert_allclose(truth.boxes[1], [0, 5, 6, 9], atol=1e-4)
    assert truth.ignored.tolist() == [False, False, True]


def test_boxes_for_frames_of_another_shape_reject_the_video(tmp_path):
    content = {
        "categories": [{"id": 1, "name": "car"}],
        "videos": [
            {"id": 1, "name": "a", "width": 40, "height": 64},
            {"id": 2, "name": "b", "width": 128, "height": 80},
        ],
        "images": [],
        "annotations": [],
    }
    for video in (1, 2):
        folder = write_sequence(
            tmp_path / "in", [(8, 10, 20, 20)], [(40, 64)], name=f"s{video}"
        )
        content["images"].append(
            {
                "id": video,
                "video_id": video,
                "frame_id": 0,
                "file_name": f"{folder.name}/img1/0001.png",
            }
        )
        content["annotations"].append(
            {
                "id": video,
                "image_id": video,
                "category_id": 1,
                "bbox": [16, 20, 24, 20],
            }
        )
    (tmp_path / "in/train.json").write_text(json.dumps(content))
    dataset = prepare(
        tmp_path / "in",
        tmp_path / "out",
        "coco_vid",
        images=ImageSettings(40),
        workers=1,
    )
    with (tmp_path / "out/rejected.csv").open() as file:
        _, (_, reason) = csv.reader(file)
    assert reason == (
        "its frames are 64x40, but its boxes are for frames of 40x64"
    )
    # The second one was drawn in frames twice as large.
    (video,) = detection_videos(dataset, "train")
    assert _compare(video) == 1


def test_generated_objects_go_through(tmp_path):
    dataset, source, _ = shared_folder()
    content = json.loads((source / "train.json").read_text())
    assert dataset.boxes.stored > 0 and dataset.boxes.broken == {}
    videos = detection_videos(dataset, "train")
    assert videos.labels == tuple(x["name"] for x in content["categories"])
    names = {x["id"]: x["file_name"] for x in content["videos"]}
    images = {x["id"]: x for x in content["images"]}
    expected = {}
    for one in content["annotations"]:
        image = images[one["image_id"]]
        key = (names[image["video_id"]], image["frame_id"], one["instance_id"])
        expected[key] = one
    found = 0
    for video in videos:
        assert video.fps == 25 and video.num_frames == 20
        for frame in range(20):
            truth = video.truth(frame)
            for box, label, track, ignored in zip(
                *vars(truth).values(), strict=True
            ):
                one = expected[video.name, frame, track]
                x, y, width, height = one["bbox"]
                scale = 48 / 64
                np.testing.assert_allclose(
                    box / scale, [x, y, x + width, y + height], atol=0.01
                )
                assert one["category_id"] == label + 1
                assert one["ignore"] == ignored
                found += 1
    assert found == len(expected)
    assert len(videos[0:3]) == 3 and videos[-1].name == videos[3].name
    with pytest.raises(IndexError):
        videos[0].truth(20)


def test_the_description_names_the_task(tmp_path):
    dataset = shared_boxed()
    content = json.loads((dataset.folder / "dataset.json").read_text())
    assert content["task"] == "detection" and content["format_version"] == 3
    assert open_prepared(dataset.folder) == dataset
    # Each class counts once per video that has a box of it.
    boxes = read_boxes(dataset, "train")
    assert max(dataset.split("train").clips_per_label) <= 4
    present = {dataset.label_names[i] for i in boxes.rows["label"]}
    counted = dict(
        zip(
            dataset.label_names,
            dataset.split("train").clips_per_label,
            strict=True,
        )
    )
    assert present == {name for name, count in counted.items() if count}


def test_a_lost_file_of_boxes_is_written_again():
    dataset = shared_boxed()
    before = read_boxes(dataset, "train")
    path = boxes_path(dataset.folder, "train")
    content = path.read_bytes()
    for damage in (path.unlink, lambda: path.write_bytes(b"none")):
        damage()
        again = read_boxes(dataset, "train")
        for name in ("annotated", "counts", "rows"):
            np.testing.assert_array_equal(
                getattr(again, name), getattr(before, name)
            )
        assert path.read_bytes() == content


def test_the_boxes_are_read_once_however_often_they_are_opened(
    tmp_path, monkeypatch
):
    folder = shutil.copytree(shared_boxed().folder, tmp_path / "set")
    dataset = open_prepared(folder)
    reads = []
    load = np.load
    monkeypatch.setattr(
        np, "load", lambda path: reads.append(path) or load(path)
    )
    first = BoxedReader(folder, "train")
    assert BoxedReader(folder, "train").most_boxes == first.most_boxes > 0
    assert reads == [boxes_path(folder, "train")]
    path = boxes_path(folder, "train")
    shutil.copy(path, tmp_path / "other")
    (tmp_path / "other").replace(path)  # Another file is read again.
    assert read_boxes(dataset, "train") is not None and len(reads) == 2
    with pytest.raises(ValueError, match="read-only"):
        read_boxes(dataset, "train").counts[0] = 7


def test_other_readers_find_boxes_under_the_keys_of_media_sequence():
    dataset = shared_boxed()
    shard = dataset.shard_paths("train")[0]
    record = next(iter(tf.data.TFRecordDataset(shard)))
    sides = ("xmin", "ymin", "xmax", "ymax")
    keys = {f"region/bbox/{side}": tf.float32 for side in sides} | {
        "region/label/index": tf.int64,
        "region/label/string": tf.string,
        "region/track/index": tf.int64,
    }
    _, lists, _ = tf.io.parse_sequence_example(
        record[None],
        sequence_features={
            **{key: tf.io.RaggedFeature(dtype) for key, dtype in keys.items()},
            "region/timestamp": tf.io.FixedLenSequenceFeature([], tf.int64),
            "region/is_annotated": tf.io.FixedLenSequenceFeature([], tf.int64),
            "region/num_regions": tf.io.FixedLenSequenceFeature([], tf.int64),
            "image/timestamp": tf.io.FixedLenSequenceFeature([], tf.int64),
        },
    )
    counts = lists["region/num_regions"][0].numpy()
    video = detection_videos(dataset, "train")[0]
    assert len(counts) == 20 and lists["region/is_annotated"].numpy().all()
    np.testing.assert_array_equal(
        lists["region/timestamp"], lists["image/timestamp"]
    )
    truth = video.truth(0)
    for place, side in enumerate(sides):
        found = lists[f"region/bbox/{side}"][0, 0].numpy() * 48
        np.testing.assert_allclose(found, truth.boxes[:, place], rtol=1e-5)
    names = [x.decode() for x in lists["region/label/string"][0, 0].numpy()]
    assert names == [dataset.label_names[i] for i in truth.classes]
    tracks = lists["region/track/index"][0, 0].numpy()
    np.testing.assert_array_equal(tracks, truth.tracks)


def test_boxes_and_classes_are_not_taken_for_each_other():
    config = VideoClassifierConfig(num_classes=9, image_size=32)
    with pytest.raises(ValueError, match="must have a class for each clip"):
        make_dataset(
            shared_boxed(), config, split="train", batch_size=1, training=False
        )
    with pytest.raises(ValueError, match="must have boxes here"):
        detection_videos(shared_prepared(), "train")


def test_splits_are_drawn_for_videos_with_boxes(tmp_path):
    for place in range(10):
        write_sequence(tmp_path, [(5, 5, 9, 9)], [(20, 20)], name=f"s{place}")
    plan = plan_dataset(tmp_path, "mot")
    assert plan.clips_per_split() == {"train": 8, "val": 1, "test": 1}
    assert plan.counts()["train"] == {"object": 8}
