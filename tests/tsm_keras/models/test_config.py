"""VideoClassifierConfig: plain data, checked field by field."""

import dataclasses
import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config import (
    ClipConfig,
    HeadConfig,
    InputConfig,
    VideoClassifierConfig,
)
from tsm_keras.models.config.classifier import FLAT_NAMES
from tsm_keras.models.operators.marks import operators_of

PARTS = [field.name for field in dataclasses.fields(VideoClassifierConfig)]
FIELDS = [*FLAT_NAMES, "shift"]
VERB_AND_NOUN = (
    HeadConfig(3, ("cut", "stir", "pour"), name="verb"),
    HeadConfig(2, name="noun"),
)
NOT_NUMBERS = ("1", None, True, math.nan, math.inf)
NOT_INTEGERS = (*NOT_NUMBERS, 40.0, -1)
PIXELS = ((1.0, 2.0), (1.0, 2.0, math.nan), (1.0, 2.0, "3"), 1.0, None, "rgb")

# What each field must refuse.
REFUSED = {
    "num_classes": (*NOT_INTEGERS, 0, 1),
    "backbone": ("vgg16", "ResNet50", "", None, 50, ["resnet50"]),
    "width": (*NOT_NUMBERS, 0, -1.0),
    "num_segments": (*NOT_INTEGERS, 0),
    "operator": ("Shift", "", None, True, ["none"]),
    "causal": (1, None, "yes"),
    "shift": ("Causal", "", None, True, ["none"]),
    "shift_div": (*NOT_INTEGERS, 0),
    "placement": ("residual ", "", None, 0),
    "stages": ((1,), (6, 5), (5, 5), ("5",), (True,), "5", 5, None),
    "causal_stages": ((1,), (2, 3, 4, 5, 6), (6, 5), ("5",), "5", 5, None),
    "non_local": (True, None, 1, "yes"),  # Of ResNet-50 only.
    "input_channels": (*NOT_INTEGERS, 0),
    "image_size": (*NOT_INTEGERS, 0, 31),
    "resize_size": (*NOT_INTEGERS, 32, 223),
    "dropout": (*NOT_NUMBERS, -0.1, 1.0, 1),
    "depth": (*NOT_NUMBERS, 0, -1.0),
    "bottleneck": (*NOT_NUMBERS, 0, -1.0),
    "activation": ("Swish", "", None, True, ["swish"]),
    "shortcut_batch_norm": (1, None, "yes"),
    "kernels": ((), (0,), (3.0,), ("3",), (True,), 3, "3", None),
    "dilations": ((1,), (1, 1, 1, 0), (1, 1, 1, "1"), 1, "1", None),
    "context": ("Clip", "", None, True, ["clip"]),
    "pixel_mean": PIXELS,
    "pixel_std": (*PIXELS, (1.0, 0.0, 1.0), (1.0, 1.0, -1.0), ()),
    "stride_padding": ("valid", "SAME", None, 1),
    "batch_norm_epsilon": (*NOT_NUMBERS, 0, -1e-5),
    "labels": (
        ("a", "b", "c"),
        ("a",),
        ("a", "a"),
        ("a", ""),
        ("a", "b\nc"),
        ("a", "b\n"),
        ("a", 1),
        "ab",
        {"a"},
        None,
    ),
    "frame_interval": (*NOT_NUMBERS, -0.04),
}

NUMBERS = st.floats(-1e6, 1e6) | st.integers(-1000, 1000)
POSITIVE = st.floats(1e-6, 1e6) | st.integers(1, 1000)


def stages_of(backbone):
    """Draws some of the stages of a backbone that have marks."""
    stages = BACKBONES[backbone].stages_with_marks
    if not stages:
        return st.just(())
    return st.sets(st.sampled_from(stages)).map(lambda x: tuple(sorted(x)))


@st.composite
def valid_configs(draw):
    backbone = draw(st.sampled_from([*BACKBONES]))
    line = st.text(min_size=1).filter(lambda text: text.splitlines() == [text])
    labels = draw(st.lists(line, min_size=2, unique=True))
    num_classes = draw(st.just(len(labels)) | st.integers(2, 1000))
    image_size = draw(st.integers(32, 500))
    channels = draw(st.sampled_from([1, 3, 10]))
    operator, context = "conv3d", draw(st.sampled_from(["past", "frame"]))
    if not BACKBONES[backbone].mixes_time:
        operator = draw(st.sampled_from(["none", "shift", "mixtconv"]))
    frames = st.integers(1, 9)
    kernels = draw(st.lists(frames, min_size=1, max_size=4))
    options = {
        "depth": POSITIVE,
        "bottleneck": POSITIVE,
        "activation": st.sampled_from(["swish", "hard_swish"]),
        "shortcut_batch_norm": st.booleans(),
    }
    return VideoClassifierConfig(
        num_classes=num_classes,
        backbone=backbone,
        width=draw(POSITIVE) if BACKBONES[backbone].any_width else 1.0,
        num_segments=draw(st.integers(1, 64)),
        operator=operator,
        causal=draw(st.booleans()),
        context=context,
        kernels=tuple(kernels),
        dilations=draw(st.just(()) | st.tuples(*[frames] * len(kernels))),
        **{it: draw(options[it]) for it in BACKBONES[backbone].options},
        shift_div=draw(st.integers(1, 64)),
        placement=draw(st.sampled_from(["residual", "inplace"])),
        stages=draw(stages_of(backbone)),
        non_local=backbone == "resnet50" and draw(st.booleans()),
        input_channels=channels,
        image_size=image_size,
        resize_size=draw(st.just(0) | st.integers(image_size, 1000)),
        dropout=draw(st.floats(0, 1, exclude_max=True)),
        pixel_mean=draw(st.tuples(*[NUMBERS] * channels)),
        pixel_std=draw(st.tuples(*[POSITIVE] * channels)),
        stride_padding=draw(st.sampled_from(["symmetric", "same"])),
        batch_norm_epsilon=draw(POSITIVE),
        labels=tuple(labels) if num_classes == len(labels) else (),
        frame_interval=draw(st.floats(0, 100)),
    )


@given(config=valid_configs())
@settings(deadline=None, max_examples=60)
def test_json_round_trip(config):
    text = config.to_json()
    revived = VideoClassifierConfig.from_json(text)
    assert revived == config
    assert revived.to_json() == text
    assert hash(revived) == hash(config)
    assert set(json.loads(text)) == {"format", *PARTS}
    assert VideoClassifierConfig(**config.flat()) == config
    assert config.changed(**config.flat()) == config


def test_defaults_are_those_of_the_paper():
    config = VideoClassifierConfig(num_classes=27)
    assert config.temporal.shift == "bidirectional"
    assert config.temporal.placement == "residual"
    assert (config.clip.num_segments, config.temporal.shift_div) == (8, 8)
    assert (config.input.image_size, config.input.resize_size) == (224, 256)


@pytest.mark.parametrize("part", PARTS)
def test_is_frozen(part):
    config = VideoClassifierConfig(num_classes=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, part, getattr(config, part))


def test_parts_and_flat_fields_say_the_same():
    flat = VideoClassifierConfig(
        num_classes=3, image_size=32, num_segments=4, shift="causal"
    )
    parts = VideoClassifierConfig(
        heads=[HeadConfig(3)],
        input=InputConfig(image_size=32),
        clip=ClipConfig(num_segments=4),
        causal=True,
    )
    assert parts == flat
    assert flat.changed(input=InputConfig(image_size=64)).clip == flat.clip


def test_a_change_keeps_the_rest():
    config = VideoClassifierConfig(num_classes=3, width=0.5, image_size=32)
    other = config.changed(backbone="resnet50", width=1.0, num_classes=5)
    assert (other.backbone.name, other.head.num_classes) == ("resnet50", 5)
    assert other.input == config.input and config.backbone.width == 0.5
    with pytest.raises(ValueError, match="`width` must be 1.0"):
        config.changed(backbone="resnet50")
    assert other.changed(shift="none").temporal.operator == "none"
    assert other.changed(shift="causal").can_stream


def test_several_heads():
    config = VideoClassifierConfig(heads=VERB_AND_NOUN)
    outputs = [head.output for head in config.heads]
    assert outputs == ["logits_verb", "logits_noun"]
    assert VideoClassifierConfig.from_json(config.to_json()) == config
    with pytest.raises(ValueError, match="`heads` .* single one.*noun"):
        _ = config.head
    with pytest.raises(ValueError, match="`heads` .* num_classes"):
        config.changed(num_classes=5)


@pytest.mark.parametrize(
    "heads",
    [
        *((), None, "verb", 3, ["verb"], (VERB_AND_NOUN[0],) * 2),
        (VERB_AND_NOUN[0], HeadConfig(2)),
    ],
)
def test_refuses_heads(heads):
    with pytest.raises(ValueError, match="`heads` must be .*Received: heads="):
        VideoClassifierConfig(heads=heads)


@pytest.mark.parametrize("name", ["Verb", "a b", "1st", None, 3, "a\n"])
def test_refuses_names_of_heads(name):
    with pytest.raises(ValueError, match="`name` must be .*Received: name="):
        HeadConfig(3, name=name)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("value", [3, {"colour": "red"}, [None], [{}]])
def test_refuses_what_is_no_part(part, value):
    values = {"num_classes": 3, part: value}
    if part == "heads":
        del values["num_classes"]
    with pytest.raises(ValueError, match=f"`{part}` must .*Received: "):
        VideoClassifierConfig.from_dict(values)


def test_every_field_has_values_to_refuse():
    assert set(REFUSED) == set(FIELDS)


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in REFUSED.items() for value in values],
    ids=lambda value: str(value).replace(" ", ""),
)
def test_refuses(field, value):
    """The message names the field, and shows what it was."""
    with pytest.raises(ValueError) as refusal:
        VideoClassifierConfig(**{"num_classes": 2, field: value})
    assert f"`{field}` must be " in str(refusal.value)
    assert f"Received: {field}={value!r}" in str(refusal.value)


@pytest.mark.parametrize("backbone", [b for b in BACKBONES if "resnet" in b])
def test_refuses_a_width_for_resnets(backbone):
    with pytest.raises(ValueError, match="`width` must be 1.0.*Received: wid"):
        VideoClassifierConfig(num_classes=3, backbone=backbone, width=0.5)


@pytest.mark.parametrize(
    ("field", "value", "default"),
    [
        ("depth", 5.0, 2.2),
        ("bottleneck", 1.0, 2.25),
        ("activation", "hard_swish", "'swish'"),
        ("shortcut_batch_norm", True, False),
    ],
)
def test_refuses_options_of_another_backbone(field, value, default):
    x3d = VideoClassifierConfig(num_classes=3, backbone="x3d", **{field: value})
    assert getattr(x3d.backbone, field) == value
    with pytest.raises(
        ValueError, match=f"`{field}` must be {default} for backbone='resnet18'"
    ):
        VideoClassifierConfig(
            num_classes=3, backbone="resnet18", **{field: value}
        )


def test_flow_needs_a_mean_for_each_of_its_channels():
    with pytest.raises(ValueError, match="`pixel_mean` must be 10 numbers"):
        VideoClassifierConfig(num_classes=3, input_channels=10)


def test_a_non_local_network_cannot_stream():
    fields = {"num_classes": 3, "backbone": "resnet50", "shift": "causal"}
    assert VideoClassifierConfig(**fields).can_stream
    assert not VideoClassifierConfig(**fields, non_local=True).can_stream


def test_accepts_lists_as_json_gives_them():
    config = VideoClassifierConfig(
        num_classes=2, labels=["a", "b"], pixel_mean=[1, 2, 3]
    )
    assert config.head.labels == ("a", "b")
    assert config.input.pixel_mean == (1, 2, 3)


@pytest.mark.parametrize(
    ("shift", "can_stream"),
    [("none", True), ("causal", True), ("bidirectional", False)],
)
def test_only_a_shift_into_the_future_cannot_stream(shift, can_stream):
    config = VideoClassifierConfig(num_classes=3, shift=shift)
    assert config.can_stream is can_stream


def test_refuses_unknown_fields():
    values = {"num_classes": 3, "colour": "red"}
    with pytest.raises(ValueError, match="Unknown.*Received: .*'colour'"):
        VideoClassifierConfig.from_dict(values)


@pytest.mark.parametrize(
    "text", ["[]", "3", "null", '"num_classes"', "{}", '{"width": 1.0}']
)
def test_refuses_what_is_no_config_object(text):
    with pytest.raises(ValueError, match="`num_classes`.*Received: "):
        VideoClassifierConfig.from_json(text)


@pytest.mark.parametrize("text", ["", "{", "num_classes: 3"])
def test_refuses_what_is_no_json(text):
    with pytest.raises(ValueError):
        VideoClassifierConfig.from_json(text)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(field=st.sampled_from(FIELDS), value=JSON_VALUES)
@example(field="input_channels", value=1)
@settings(deadline=None, max_examples=200)
def test_any_json_value_is_accepted_or_refused_by_name(field, value):
    """A config file never fails with anything but a ValueError."""
    values = {"num_classes": 3, field: value}
    try:
        VideoClassifierConfig.from_dict(values)
    except ValueError as refusal:
        assert "Received: " in str(refusal)
        assert f"`{field}`" in str(refusal) or field in ("image_size", "width")


def test_causal_stages_are_some_of_a_network_that_looks_ahead():
    config = VideoClassifierConfig(num_classes=2, causal_stages=[2, 3])
    assert config.temporal.causal_stages == (2, 3)
    assert VideoClassifierConfig.from_json(config.to_json()) == config
    assert [found.ahead for found in operators_of(config)] == [1, 0]
    assert not config.can_stream
    for fields in (
        {"shift": "causal", "causal_stages": (5,)},
        {"shift": "none", "causal_stages": (5,)},
        {"stages": (5, 6), "causal_stages": (5, 6)},
        {"stages": (5, 6), "causal_stages": (4,)},
        {"backbone": "x3d", "causal_stages": (2,)},
    ):
        with pytest.raises(ValueError, match="`causal_stages` must be"):
            VideoClassifierConfig(num_classes=2, **fields)


def test_stages_are_those_with_marks():
    expected = r"some of \(2, 3, 4, 5, 6\) for backbone='mobilenet_v2'. Rec"
    with pytest.raises(ValueError, match=expected):
        VideoClassifierConfig(num_classes=2, stages=(1, 5))
    assert VideoClassifierConfig(
        num_classes=2, backbone="resnet18", stages=[1, 4]
    ).temporal.stages == (1, 4)
    with pytest.raises(ValueError, match="`stages` must be empty for .*'x3d'"):
        VideoClassifierConfig(num_classes=2, backbone="x3d", stages=[2])
