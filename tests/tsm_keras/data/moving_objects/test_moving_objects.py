import collections
import functools
import json

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from tsm_keras.data.augment.flip_pairs import find_flip_pairs
from tsm_keras.data.moving_objects.generate import (
    FRAME_BLIND_CEILING,
    LABELS,
    ORDINARY,
    PAIRED,
    draw_video,
    partner,
    render,
    write_moving_objects,
)
from tsm_keras.data.moving_objects.scene import MovingObject, ObjectScene
from tsm_keras.data.video.decoding import probe_video, read_video
from tsm_keras.data.video.encoding import write_video

seeds = st.integers(0, 2**32)


def _boxes(frames):
    """Returns `(label, track, box, ignored)` of each box of each frame."""
    return [
        [(box.label, box.track, box.box, box.ignored) for box in found]
        for found in frames
    ]


@hypothesis.settings(max_examples=5, deadline=None)
@hypothesis.given(seed=seeds)
def test_the_reverse_of_a_video_shows_the_partners(seed):
    video = draw_video(seed, num_frames=12, size=64)
    frames, boxes = render(video)
    mirrored_frames, mirrored_boxes = render(video.reversed())
    np.testing.assert_array_equal(mirrored_frames, frames[::-1])
    assert _boxes(mirrored_boxes) == [
        [(partner(label), *rest) for label, *rest in found]
        for found in reversed(_boxes(boxes))
    ]


def test_the_partner_of_a_partner_is_the_class_itself():
    assert set(PAIRED) | set(ORDINARY) == set(LABELS)
    for label in LABELS:
        assert partner(partner(label)) == label
        assert (partner(label) != label) == (label in PAIRED)


def test_videos_run_both_ways_equally_often():
    backwards = [
        draw_video(seed, num_frames=1, size=32).backwards for seed in range(400)
    ]
    assert 0.4 < np.mean(backwards) < 0.6


def test_a_frame_blind_detector_has_at_most_half_the_precision():
    """Whatever the scores of single frames, half of the detections are wrong.

    The detector knows every box and every class except the direction of time:
    its scores are a function of the frame alone. Detections of equal scores
    are counted together.
    """
    video = draw_video(5, num_frames=20, size=64)
    truth = collections.defaultdict(list)
    for frames, boxes in (render(video), render(video.reversed())):
        for frame, found in zip(frames, boxes, strict=True):
            # A function of the frame's pixels that no one could guess.
            random = np.random.default_rng(int(frame.astype(np.int64).sum()))
            for box in found:
                if box.label in PAIRED:
                    pair = sorted({box.label, partner(box.label)})
                    guess = str(random.choice(pair))
                    score = round(float(random.uniform()), 6)
                    truth[guess, score].append(guess == box.label)
    scores = sorted({score for _, score in truth}, reverse=True)
    assert len(scores) > 20
    for label in PAIRED:
        hits = [
            hit
            for score in scores
            for hit in [truth.get((label, score), [])]
            if hit
        ]
        right = np.cumsum([sum(hit) for hit in hits])
        of = np.cumsum([len(hit) for hit in hits])
        assert np.all(right <= FRAME_BLIND_CEILING * of)


@functools.cache
def _videos():
    """Returns the frames and boxes of some videos. Shared: do not change."""
    return [
        render(draw_video(seed, num_frames=24, size=96)) for seed in range(24)
    ]


def _paths():
    """Yields class, speed and boxes in time of objects inside the frame."""
    for _, boxes in _videos():
        tracks = collections.defaultdict(list)
        for box in (box for found in boxes for box in found):
            tracks[box.track, box.label, box.speed].append(box.box)
        for (_, label, speed), path in tracks.items():
            path = np.array(path)
            if len(path) > 10 and path.min() > 0.5 and path.max() < 95.5:
                yield label, speed, path


def test_classes_move_as_their_names_say():
    seen = collections.Counter()
    for label, _, path in _paths():
        kind, _, motion = label.partition("_")
        if kind == "disc":
            signs = np.sign(np.diff(path[:, [0, 2]].mean(1)))
            assert np.all(signs == (1 if motion == "right" else -1))
        if kind == "square":
            signs = np.sign(np.diff(path[:, 2] - path[:, 0]))
            assert np.all(signs == (1 if motion == "growing" else -1))
        seen[label] += 1
    assert min(seen[label] for label in PAIRED) >= 1, seen


def test_a_clockwise_bar_turns_as_the_hand_of_a_clock():
    """From twelve o'clock towards three: the upper end moves to the right."""
    bar = MovingObject(
        shape="bar",
        label="bar_clockwise",
        speed="fast",
        color=np.full(3, 255.0, np.float32),
        first=0,
        last=10,
        place=np.array([50.0, 50.0]),
        side=40.0,
        angle=-90.0,  # Upright in the middle of its time.
        velocity=np.zeros(2),
        turn=4.0,
    )
    (upright,), (later,) = bar.contours(5), bar.contours(10)
    # Pixels count downwards: the upper end has the smallest y.
    x, later_x = (
        line[line[:, 1].argsort()[:2], 0].mean() for line in (upright, later)
    )
    assert abs(x - 50) < 1e-6
    np.testing.assert_allclose(later_x, 50 + 20 * np.sin(np.radians(20)))


def _lone(shape, label, *, size=192, velocity=(0.0, 0.0)):
    """Returns the frame of one upright white object on black, and its boxes."""
    random = np.random.default_rng(0)
    video = draw_video(0, num_frames=1, size=size)
    scene = ObjectScene(video, random, LABELS)
    scene.background = np.zeros((size, size, 3), np.float32)
    scene.noise, scene.occluders = 0, []
    scene.objects = [
        MovingObject(
            shape=shape,
            label=label,
            speed="slow",
            color=np.full(3, 255.0, np.float32),
            first=0,
            last=0,
            place=np.array([size / 2, size / 2]),
            side=size / 2,
            angle=0.0,
            velocity=np.array(velocity),
        )
    ]
    return scene.frame(0, random)


@pytest.mark.parametrize("shape", ["star", "ellipse"])
def test_a_distractor_is_drawn_without_a_box(shape):
    frame, boxes = _lone(shape, None)
    assert frame.max() == 255 and not boxes
    same, (box,) = _lone(shape, "triangle")
    np.testing.assert_array_equal(same, frame)
    assert box.label == "triangle"


def test_every_video_has_distractors():
    for seed in range(5):
        video = draw_video(seed, num_frames=10, size=32)
        scene = ObjectScene(video, np.random.default_rng(seed), ORDINARY)
        shapes = {one.shape for one in scene.objects if one.label is None}
        assert shapes and shapes <= {"star", "ellipse"}
        named = {one.shape for one in scene.objects if one.label is not None}
        assert named <= {*ORDINARY}


def test_a_fast_object_is_blurred_along_its_way():
    widths = []
    for rate in (0.007, 0.1):  # Those of slow and of fast objects.
        velocity = (rate * 96, 0.0)  # By its size.
        frame, _ = _lone("square", "square_growing", velocity=velocity)
        partial = (frame[..., 0] > 5) & (frame[..., 0] < 250)
        across, along = partial[:, 96].sum() / 2, partial[96].sum() / 2
        assert across <= 1.5  # The drawing alone smooths an edge.
        widths.append(along)
    slow, fast = widths
    # A frame is exposed while the fast one moves by 4.8 pixels.
    assert slow <= 2 and 3 <= fast <= 6


def test_speeds_are_those_of_fgfa():
    """The mean overlap of an object with itself over the next ten frames."""
    found = collections.defaultdict(list)
    for label, speed, path in _paths():
        later = [_overlap(path[0], path[lag]) for lag in range(1, 11)]
        found[label.partition("_")[0], speed].append(np.mean(later))
    bounds = {"slow": (0.87, 1), "medium": (0.65, 0.93), "fast": (0, 0.75)}
    for (kind, speed), overlaps in found.items():
        low, high = bounds[speed]
        assert low < np.mean(overlaps) <= high, (kind, speed, overlaps)
    assert {speed for _, speed in found} == set(bounds)


def _overlap(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    both = np.prod(np.maximum(high - low, 0))
    area = [np.prod(box[2:] - box[:2]) for box in (a, b)]
    return both / (sum(area) - both)


def test_an_object_fills_its_box():
    """The bright pixels of a slow, lone object end at the sides of its box."""
    checked = 0
    for frames, boxes in _videos():
        bright = frames[0].max(-1) > 125
        for one in boxes[0]:
            x0, y0, x1, y1 = one.box
            if one.speed == "fast" or min(one.box) < 4 or max(one.box) > 92:
                continue
            around = np.zeros_like(bright)
            around[int(y0) - 3 : int(y1) + 4, int(x0) - 3 : int(x1) + 4] = True
            inside = np.zeros_like(bright)
            inside[int(y0) - 1 : int(y1) + 2, int(x0) - 1 : int(x1) + 2] = True
            if bright[around & ~inside].any():  # Something else is near.
                continue
            y, x = np.nonzero(bright & inside)
            found = (x.min(), y.min(), x.max() + 1, y.max() + 1)
            # A corner of a triangle or a star fills little of a pixel.
            errors = np.abs(np.subtract(found, one.box))
            checked += np.all(errors < 2.5)
            assert np.mean(errors) < 6 or one.ignored
    assert checked > 5


def test_videos_have_objects_of_all_classes_that_are_hidden_and_cut_off():
    labels, ignored, most = collections.Counter(), 0, 0
    for found in (found for _, boxes in _videos() for found in boxes):
        most = max(most, len(found))
        labels.update(box.label for box in found)
        ignored += sum(box.ignored for box in found)
        for box in found:
            x0, y0, x1, y1 = box.box
            assert 0 <= x0 < x1 <= 96 and 0 <= y0 < y1 <= 96
    assert set(labels) == set(LABELS)
    assert most >= 4
    assert 0.01 < ignored / labels.total() < 0.2


def test_flip_pairs_are_found_by_name():
    pairs, alone = find_flip_pairs(LABELS)
    assert not alone
    assert set(map(frozenset, pairs)) == {
        frozenset(("disc_left", "disc_right")),
        frozenset(("bar_clockwise", "bar_counterclockwise")),
    }


def test_files_are_coco_vid_and_depend_on_the_seed_alone(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_moving_objects(
            tmp_path / name, videos=2, seconds=0.4, size=64, seed=seed
        )
    files = [p for p in (tmp_path / "a").rglob("*") if p.is_file()]
    names = sorted(str(p.relative_to(tmp_path / "a")) for p in files)
    assert names == [
        *("train.json", "train/000.mp4", "train/001.mp4"),
        *("val.json", "val/000.mp4"),
    ]
    for name in names:
        content = (tmp_path / "a" / name).read_bytes()
        assert content == (tmp_path / "b" / name).read_bytes()
        assert content != (tmp_path / "c" / name).read_bytes()
    content = json.loads((tmp_path / "a/train.json").read_text())
    assert [x["name"] for x in content["categories"]] == list(LABELS)
    info = probe_video(tmp_path / "a/train/001.mp4")
    assert (info.num_frames, info.height, info.width) == (10, 64, 64)
    assert [x["file_name"] for x in content["videos"]] == [
        *("train/000.mp4", "train/001.mp4")
    ]
    images = {image["id"]: image for image in content["images"]}
    frames = [(x["video_id"], x["frame_id"]) for x in content["images"]]
    assert frames == [(v, f) for v in range(2) for f in range(10)]
    for one in content["annotations"]:
        assert images[one["image_id"]]["video_id"] == one["video_id"]
        x, y, width, height = one["bbox"]
        assert x >= 0 and y >= 0 and width > 0 and height > 0
        assert x + width <= 64.01 and y + height <= 64.01


def test_decoded_files_of_a_video_and_its_reverse_have_equal_frames(tmp_path):
    video = draw_video(3, num_frames=5, size=64)
    for name, one in (("forward", video), ("backward", video.reversed())):
        write_video(
            tmp_path / f"{name}.mp4",
            render(one)[0],
            fps=25,
            quality=20,
            intra_only=True,
        )
    np.testing.assert_array_equal(
        read_video(tmp_path / "forward.mp4"),
        read_video(tmp_path / "backward.mp4")[::-1],
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_frames": 0, "size": 64},
        {"num_frames": 5, "size": 63},
        {"num_frames": 5, "size": 16},
    ],
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match=r"`(num_frames|size)`.*Received: "):
        draw_video(0, **wrong)


def test_at_least_one_video_must_be_asked_for(tmp_path):
    with pytest.raises(ValueError, match=r"`videos`.*Received: videos=0"):
        write_moving_objects(tmp_path, videos=0, seed=0)
