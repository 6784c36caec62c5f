"""`tsm info` of artifacts."""

import dataclasses
import re

import pytest

from testing.models import random_clip_model
from testing.specs import SPEC
from tsm_cli.info import main
from tsm_keras.models.presets import save_preset
from tsm_live.artifact.file import write_spec
from tsm_live.artifact.tensors import TensorSpec

# The same from either Keras.
pytestmark = pytest.mark.keras3_only


def _info(tmp_path, capsys, spec):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"TFL3")
    write_spec(path, spec)
    main([str(path)])
    return capsys.readouterr().out


def test_every_tensor_has_a_row_with_its_role(tmp_path, capsys):
    text = _info(tmp_path, capsys, SPEC)
    rows = {line.split()[0]: line.split() for line in text.splitlines()}
    assert rows["frame"][1:4] == ["frame", "1x64x64x3", "int8"]
    assert rows["logits"][1:4] == ["logits", "1x2", "int8"]
    assert rows["cache_00_out"][1] == "cache_out"
    assert re.search(
        "cache_00 .* scale 0.02, zero point 67, frames remembered: 1, "
        "fed by cache_00_out",
        text,
    )
    assert text.index("inputs") < text.index("cache_00") < text.index("outputs")


def test_what_a_gesture_is_is_shown(tmp_path, capsys):
    text = _info(tmp_path, capsys, SPEC)
    assert re.search("labels of logits +push, größer <b>\n", text)
    assert re.search("no gesture +push\n", text)
    assert re.search("decision +average 0.5, start_score 0.7\n", text)
    assert re.search("frame interval +0.17 s\n", text)
    bare = dataclasses.replace(SPEC, decision={}, frame_interval=0)
    text = _info(tmp_path, capsys, bare)
    assert re.search("decision +the defaults of tsm-live\n", text)
    assert re.search("frame interval +unknown, so every frame\n", text)


def test_a_delay_is_shown(tmp_path, capsys):
    valid = TensorSpec(
        *("valid", (1, 1, 1, 1), "float32"), role="valid", entries=(0,)
    )
    late = dataclasses.replace(SPEC.logits, late=10)
    spec = dataclasses.replace(
        SPEC,
        inputs=(SPEC.frame, valid, *SPEC.caches),
        outputs=(late, *SPEC.outputs[1:]),
    )
    text = _info(tmp_path, capsys, spec)
    assert re.search("delay +10 frames, 1.7 s\n", text)
    assert re.search("valid +valid +1x1x1x1 +float32", text)
    assert re.search("logits +logits .*10 frames late", text)
    assert not re.search("^ *delay ", _info(tmp_path, capsys, SPEC), re.M)


def test_each_head_has_its_labels(tmp_path, capsys):
    verb = dataclasses.replace(SPEC.logits, name="verb")
    spec = dataclasses.replace(SPEC, outputs=(verb, *SPEC.outputs))
    text = _info(tmp_path, capsys, spec)
    assert "labels of verb" in text and "labels of logits" in text


def _numbers_of_mixtconv():
    """A group of a quarter of the channels remembers 0, 2, 4 or 6 frames.

    MobileNetV2 of width 0.35 has blocks with a residual branch at these
    strides, with this number of channels: at 64 pixels, the sides are
    64 / stride.
    """
    blocks = [(4, 8), (8, 16), (8, 16), *[(16, 24)] * 3, *[(16, 32)] * 2]
    blocks += [(32, 56)] * 2
    return [
        frames * channels // 4 * (64 // stride) ** 2
        for stride, channels in blocks
        for frames in (2, 4, 6)
    ]


def _numbers_of_x3d():
    """The stem remembers 4 frames, and each block 2, after its stride.

    The depth of 0.4 leaves 1, 1, 2 and 2 of 1, 2, 5 and 3 blocks; the
    bottleneck widens their channels by 2.25. An image has 32 pixels.
    """
    stages = [(4, 54, 1), (8, 108, 1), (16, 216, 2), (32, 432, 2)]
    return [4 * 24 * (32 // 2) ** 2] + [
        2 * channels * (32 // stride) ** 2
        for stride, channels, blocks in stages
        for _ in range(blocks)
    ]


@pytest.mark.parametrize(
    ("fields", "numbers"),
    [
        ({"operator": "mixtconv"}, _numbers_of_mixtconv()),
        (
            {"backbone": "x3d", "bottleneck": 2.25, "context": "frame"},
            _numbers_of_x3d(),
        ),
    ],
    ids=["mixtconv", "x3d"],
)
def test_the_memory_of_caches_is_that_of_the_frames_remembered(
    fields, numbers, tmp_path, capsys
):
    save_preset(random_clip_model(**fields), tmp_path / "preset")
    main([str(tmp_path / "preset")])
    (row,) = re.findall("^caches +(.*)$", capsys.readouterr().out, re.M)
    assert row == (
        f"{len(numbers)} ({4 * sum(numbers) / 1e3:.1f} KB as float32, "
        f"{sum(numbers) / 1e3:.1f} KB as int8)"
    )
