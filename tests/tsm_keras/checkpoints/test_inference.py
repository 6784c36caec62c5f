"""infer_network: values from names, shapes and file names, or from the user."""

import json

import numpy as np
import pytest

from testing.checkpoint_cases import BY_NAME, CASES, CLASSES
from tsm_keras.checkpoints.conventions import read_file_name
from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.inference import infer_network
from tsm_keras.models.config import VideoClassifierConfig

ONLINE, RESNET = BY_NAME["tsm_online"], BY_NAME["tsm_resnet50"]
MMACTION2_NL = BY_NAME["mmaction2_tsm_resnet50_non_local"]


def empty(shapes):
    """Returns tensors of these shapes that take no memory."""
    return {
        name: np.broadcast_to(np.float32(0), shape)
        for name, shape in shapes.items()
    }


def infer(case, *, name=None, source="auto", shapes=None, **asked):
    return infer_network(
        empty(case.shapes if shapes is None else shapes),
        name=case.file_name if name is None else name,
        source=source,
        asked=asked,
    )


def expected_shift(case):
    if case.asked.get("shift") == "none":  # It says nothing of a shift.
        return None
    if case.source == "tsm_online":
        return "causal"
    return "none" if "tsn" in case.name else "bidirectional"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_family(case):
    network = infer(case, **case.asked)
    config = network.config
    assert network.naming.name == (
        # timm calls the layers of a ResNet as torchvision does.
        "torchvision" if case.name == "timm_resnet50" else case.source
    )
    assert config.backbone.name in case.name.replace("online", "mobilenet_v2")
    assert config.head.num_classes == CLASSES
    assert config.clip.num_segments == case.frames
    assert config.temporal.non_local == ("non_local" in case.name)
    assert config.temporal.placement == (
        "inplace" if "place" in case.name else "residual"
    )
    assert config.temporal.shift_div == 8
    assert config.input.channels == case.channels
    assert config.backbone.width == (1.4 if "1_4" in case.name else 1.0)
    assert config.input.image_size == 224
    assert config.input.resize_size == 256
    assert network.trained_shift == expected_shift(case)
    assert {fact.field for fact in network.facts} >= {"shift", "dataset"}
    assert all(fact.how for fact in network.facts)


def test_rgb_and_flow_are_normalized_as_in_training():
    rgb = infer(RESNET).config
    np.testing.assert_allclose(
        np.array(rgb.input.pixel_mean) / 255, [0.485, 0.456, 0.406]
    )
    np.testing.assert_allclose(
        np.array(rgb.input.pixel_std) / 255, [0.229, 0.224, 0.225]
    )
    flow = infer(BY_NAME["tsm_resnet50_flow"]).config
    np.testing.assert_allclose(flow.input.pixel_mean, [127.5] * 10)
    np.testing.assert_allclose(flow.input.pixel_std, [0.226 * 255] * 10)


def test_imagenet_is_known_by_its_classes():
    case = BY_NAME["torchvision_resnet18"]
    shapes = {**case.shapes, "fc.weight": (1000, 512), "fc.bias": (1000,)}
    network = infer(case, shapes=shapes, shift="causal", num_segments=8)
    assert network.dataset == "imagenet"
    assert network.config.temporal.shift == "causal"


@pytest.mark.parametrize(
    ("case", "name", "flags"),
    [
        (
            RESNET,
            "renamed.pth",
            ["--shift", "--shift_div", "--segments", "--dataset"],
        ),
        (BY_NAME["tsn_resnet50"], "renamed.pth", ["--segments", "--dataset"]),
        (ONLINE, "renamed.pth", ["--shift", "--segments", "--dataset"]),
        (ONLINE, ONLINE.file_name, ["--segments"]),
        (
            MMACTION2_NL,
            "renamed.pth",
            ["--non_local", "--shift", "--segments", "--dataset"],
        ),
        (
            BY_NAME["timm_resnet50"],
            "resnet50.pth",
            ["--shift", "--segments", "--dataset"],
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_all_unknown_values_are_asked_for_at_once(case, name, flags):
    with pytest.raises(CheckpointError, match="not tell everything") as refusal:
        infer(case, name=name)
    asked = {flag for flag in _all_flags() if f"({flag})" in str(refusal.value)}
    assert asked == set(flags)


def _all_flags():
    names = "shift shift_div segments dataset non_local classes"
    return [f"--{name}" for name in names.split()]


def test_answers_are_taken():
    network = infer(
        RESNET,
        name="renamed.pth",
        shift="causal",
        shift_div=4,
        num_segments=3,
        dataset="mine",
    )
    assert network.config.temporal.shift == "causal"
    assert network.config.temporal.shift_div == 4
    assert network.config.clip.num_segments == 3
    assert network.dataset == "mine"
    assert network.trained_shift is None
    non_local = infer(
        MMACTION2_NL,
        name="renamed.pth",
        shift="bidirectional",
        num_segments=4,
        dataset="mine",
        non_local=True,
    )
    assert non_local.config.temporal.non_local


def test_the_online_source_is_causal_by_definition():
    network = infer(
        ONLINE, name="x.pth", source="tsm_online", num_segments=8, dataset="d"
    )
    assert network.trained_shift == network.config.temporal.shift == "causal"


@pytest.mark.parametrize(
    ("case", "name", "message"),
    [
        (RESNET, RESNET.file_name.replace("_avg", "_tpool_avg"), "temporal po"),
        (RESNET, RESNET.file_name.replace("_avg", "_rnn"), "consensus 'rnn'"),
        (RESNET, RESNET.file_name.replace("RGB", "RGBDiff"), "RGB diff"),
        (RESNET, RESNET.file_name.replace("blockres", "stage"), "place 'stage"),
        (RESNET, BY_NAME["tsn_resnet18"].file_name, "contradict each other"),
        (BY_NAME["tsn_resnet50"], RESNET.file_name, "contradict each other"),
        (
            MMACTION2_NL,
            MMACTION2_NL.file_name.replace("embedded-gaussian", "dot-product"),
            "mode dot_product",
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_refuses_what_the_file_name_tells(case, name, message):
    with pytest.raises(CheckpointError, match=message):
        infer(case, name=name)


def without(shapes, part):
    return {name: shape for name, shape in shapes.items() if part not in name}


@pytest.mark.parametrize(
    ("case", "shapes", "message"),
    [
        (RESNET, {}, "0 tensors"),
        (RESNET, {"encoder.weight": (2, 2)}, "Received: 1 tensors.*encoder"),
        (RESNET, without(RESNET.shapes, "layer3.5."), r"50.*\(3, 4, 5, 3\)"),
        (ONLINE, without(ONLINE.shapes, "features.9."), "all of its blocks"),
        (
            ONLINE,
            {**ONLINE.shapes, "features.0.0.weight": (40, 3, 3, 3)},
            r"fit no width.*\[40, 16",
        ),
        (
            MMACTION2_NL,
            without(MMACTION2_NL.shapes, ".theta."),
            "embedded_gaussian.*mode gaussian",
        ),
        (
            BY_NAME["torchvision_resnet18"],
            {
                **BY_NAME["torchvision_resnet18"].shapes,
                "conv1.weight": (64, 10, 7, 7),
            },
            "must take RGB. Received: 10",
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_refuses_networks_that_are_not_ours(case, shapes, message):
    with pytest.raises(CheckpointError, match=message):
        infer(case, shapes=shapes)


def test_refuses_another_source():
    with pytest.raises(CheckpointError, match="network of timm. Received"):
        infer(RESNET, source="timm")
    with pytest.raises(CheckpointError, match="`source` must be one of.*'TSM'"):
        infer(RESNET, source="TSM")


def test_refuses_damaged_metadata():
    for text in ("{", "[]", '{"config": {}}', '{"config": 3, "dataset": 1}'):
        with pytest.raises(CheckpointError, match="metadata cannot be read"):
            infer_network(
                empty(RESNET.shapes), asked={}, metadata={"tsm_keras": text}
            )


def test_metadata_goes_before_all_but_what_is_asked():
    config = VideoClassifierConfig(
        num_classes=CLASSES,
        backbone="resnet50",
        shift="causal",
        num_segments=3,
        labels=tuple("abcdefghijk"),
        image_size=96,
    )
    stored = {"config": json.loads(config.to_json()), "dataset": "mine"}
    metadata = {"tsm_keras": json.dumps(stored)}
    tensors = empty(RESNET.shapes)
    network = infer_network(tensors, asked={}, metadata=metadata)
    assert network.config == config
    assert (network.dataset, network.trained_shift) == ("mine", "causal")
    network = infer_network(
        tensors, asked={"image_size": 224, "num_classes": 4}, metadata=metadata
    )
    assert network.config.input.resize_size == 256
    assert network.config.head.labels == ()


def test_old_names_of_mmaction2():
    stated = read_file_name("tsm_nl_embedded_gaussian_r50_1x1x8_50e_"
        "kinetics400_rgb_20200724-f00f1336.pth")  # fmt: skip
    assert stated == {
        "dataset": "kinetics400",
        "num_segments": 8,
        "shift": "bidirectional",
        "non_local_mode": "embedded_gaussian",
    }
    assert read_file_name("my_network.pth") == {}
