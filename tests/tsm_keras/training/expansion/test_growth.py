"""The axes, and the networks of the paper that they lead to."""

import functools

import pytest

from tsm_keras.models.backbones.x3d import X3D_NETWORKS
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.multiply_adds import multiply_adds
from tsm_keras.training.expansion.axes import (
    AXES,
    VIDEO_RATE,
    axes_of,
    with_clip_duration,
)
from tsm_keras.training.expansion.growth import contracted, expanded
from tsm_keras.training.expansion.search import Flops

# The fields of the config that each axis may change.
FIELDS = {
    "frame_rate": {"num_segments", "frame_interval"},
    "duration": {"num_segments", "frame_interval"},
    "resolution": {"image_size", "resize_size"},
    "width": {"width"},
    "depth": {"depth"},
    "bottleneck": {"bottleneck"},
}
# The axis of each step from X2D to X3D-XL. The paper names the first five. XS
# comes after step 5, S from a contraction after step 7, and M, L and XL after
# steps 8, 10 and 11. What the later steps must be together follows from the
# networks of table 4: steps 6 and 7 turn 4 frames into 16, step 8 turns 160
# pixels into 224, steps 9 and 10 make the network larger and deeper, and step
# 11 wider. The order within 6 and 7, and within 9 and 10, is not determined.
PATH = (
    *("bottleneck", "frame_rate", "resolution", "depth", "duration"),
    *("frame_rate", "duration", "resolution", "resolution", "depth", "width"),
)
NAMES = {5: "x3d_xs", 8: "x3d_m", 10: "x3d_l", 11: "x3d_xl"}
# X3D-S has 1.96 x 10^9 multiply-adds in the paper's table 2, so its budget was
# about this.
BUDGET_S = 2.0


def network(**fields):
    return VideoClassifierConfig(
        **{"num_classes": 3, "frame_interval": 6 / VIDEO_RATE, **fields}
    )


def small_x3d(**fields):
    return network(
        **{
            "backbone": "x3d",
            "num_segments": 2,
            "image_size": 64,
            "depth": 1.0,
            "bottleneck": 1.0,
            **fields,
        }
    )


def pseudo_cost(config):
    """About the cost of a network, without building it."""
    return (
        config.clip.num_segments
        * config.input.image_size**2
        * config.backbone.width**2
        * config.backbone.depth
        * config.backbone.bottleneck
    )


@pytest.mark.slow
def test_the_choices_of_the_paper_lead_to_its_networks():
    flops = Flops()
    # The paper does not print how long a clip of one frame is. With one second,
    # steps 2 and 5 arrive at the 4 frames of XS, 12/30 s apart.
    fields = {**X3D_NETWORKS["x2d"], "frame_interval": 1.0}
    config = VideoClassifierConfig(num_classes=400, **fields)
    for step, name in enumerate(PATH, 1):
        parent, axis = config, AXES[name]
        config = expanded(parent, axis, flops.size)
        assert 1.9 < flops.size(config) / flops.size(parent) < 2.1, name
        if step in NAMES:
            assert_is(config, NAMES[step])
        if step == 7:
            small = contracted(parent, config, axis, flops.size, BUDGET_S)
            assert_is(small, "x3d_s")


def assert_is(config, name):
    found = config.flat()
    for field, value in X3D_NETWORKS[name].items():
        if field == "backbone":
            value, found[field] = "x3d", config.backbone.name
        if isinstance(value, float):
            value = pytest.approx(value, abs=1e-9)
        assert found[field] == value, (name, field)


@pytest.mark.parametrize("name", AXES)
def test_an_axis_changes_only_its_fields(name):
    before = small_x3d()
    after = expanded(before, AXES[name], pseudo_cost)
    old, new = before.flat(), after.flat()
    assert {key for key in old if old[key] != new[key]} <= FIELDS[name]
    assert AXES[name].value(after) > AXES[name].value(before)
    assert 1.7 < pseudo_cost(after) / pseudo_cost(before) < 2.3


@pytest.mark.parametrize("name", ["resolution", "width", "frame_rate"])
def test_no_value_on_the_axis_is_closer_to_twice_the_cost(name):
    axis = AXES[name]
    cost = functools.cache(multiply_adds)
    before = network(width=0.35, image_size=64, num_segments=2)
    after = expanded(before, axis, cost)
    target = 2 * cost(before)
    for step in (-1, 1):
        value = axis.value(after) + step * axis.grid
        if value > axis.value(before):
            other = axis.at(before, value)
            assert abs(cost(other) - target) >= abs(cost(after) - target)


def test_the_frame_rate_keeps_the_duration():
    before = small_x3d(num_segments=4, frame_interval=12 / VIDEO_RATE)
    after = expanded(before, AXES["frame_rate"], pseudo_cost)
    assert after.clip.num_segments == 8
    assert after.clip.frame_interval == pytest.approx(6 / VIDEO_RATE)


def test_the_duration_makes_clips_longer_and_denser():
    before = small_x3d(num_segments=8, frame_interval=6 / VIDEO_RATE)
    after = expanded(before, AXES["duration"], pseudo_cost)
    assert after.clip.num_segments == 16
    assert after.clip.frame_interval == pytest.approx(5 / VIDEO_RATE)


@pytest.mark.parametrize("share", [0.55, 0.7, 0.99])
@pytest.mark.parametrize("name", AXES)
def test_a_contraction_is_the_largest_network_within_the_budget(name, share):
    axis, parent = AXES[name], small_x3d(num_segments=8)
    child = expanded(parent, axis, pseudo_cost)
    budget = share * pseudo_cost(child)
    found = contracted(parent, child, axis, pseudo_cost, budget)
    value = axis.value(parent if found is None else found)
    if found is not None:
        assert pseudo_cost(found) <= budget
        assert axis.value(parent) < value < axis.value(child)
    assert pseudo_cost(axis.at(parent, value + axis.grid)) > budget


def test_no_contraction_if_the_axis_has_no_value_in_between():
    parent = small_x3d(num_segments=1)
    child = expanded(parent, AXES["frame_rate"], pseudo_cost)
    budget = 1.5 * pseudo_cost(parent)
    assert not contracted(
        parent, child, AXES["frame_rate"], pseudo_cost, budget
    )


def test_axes_that_a_backbone_does_not_have_are_left_out():
    def left_out(**fields):
        return {*axes_of(network(**fields))[1]}

    assert not left_out(backbone="x3d")
    assert left_out(backbone="mobilenet_v2") == {"depth", "bottleneck"}
    resnet = {"width", "depth", "bottleneck"}
    assert left_out(backbone="resnet50") == resnet
    assert left_out(backbone="resnet50", frame_interval=1 / VIDEO_RATE) == {
        *resnet,
        "frame_rate",
    }
    assert "duration" in axes_of(network(), streams=True)[1]


def test_axes_are_refused():
    with pytest.raises(ValueError, match=r"`axes`.* Received: \['height'\]"):
        axes_of(network(), ["width", "height"])
    with pytest.raises(ValueError, match="channels of resnet50 are fixed"):
        axes_of(network(backbone="resnet50"), ["width"])


def test_a_duration_is_only_set_if_it_is_unknown():
    known = network(num_segments=4)
    assert with_clip_duration(known, 2.0) == known
    for frames, interval in ((1, 2.0), (4, 0.5)):
        unknown = network(num_segments=frames, frame_interval=0.0)
        found = with_clip_duration(unknown, 2.0)
        assert found.clip.frame_interval == interval
