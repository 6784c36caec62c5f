"""X3D: the figures of the paper's networks, and its options."""

import pytest

from testing.models import count_weights, small_config
from tsm_keras.models.backbones.x3d import X3D_NETWORKS
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.multiply_adds import multiply_adds

# Parameters in millions, and multiply-adds in 10^9 per view, with the digits
# that the authors print.
FIGURES = {
    "x2d": (1.63, 0.0207),
    "x3d_xs": (3.794, 0.605),
    "x3d_s": (3.794, 1.963),
    "x3d_m": (3.794, 4.732),
    "x3d_l": (6.153, 18.37),
    "x3d_xl": (11.10, 35.84),
}


def digits(number):
    return len(str(number).partition(".")[2])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name, marks=[] if name in ("x2d", "x3d_xs") else [pytest.mark.slow]
        )
        for name in FIGURES
    ],
)
def test_figures_are_those_of_the_paper(name):
    parameters, cost = FIGURES[name]
    config = VideoClassifierConfig(num_classes=400, **X3D_NETWORKS[name])
    assert round(multiply_adds(config) / 1e9, digits(cost)) == cost
    trainable, _ = count_weights(build_clip_model(config))
    assert round(trainable / 1e6, digits(parameters)) == parameters


def test_the_clip_is_classified_once_or_frame_by_frame():
    """The reference pools over the clip; then no frame has its own logits."""
    for context, rows in (("clip", 1), ("frame", 4)):
        config = small_config("x3d", causal=False, context=context)
        model = build_clip_model(config, return_frame_logits=True)
        assert model.get_layer("frame_logits").output.shape[1:] == (rows, 7)


def test_options_add_the_layers_that_they_name():
    names = {
        layer.name
        for layer in build_clip_model(
            small_config(
                "x3d", activation="hard_swish", shortcut_batch_norm=True
            )
        ).layers
    }
    assert "stage_01_block_00_shortcut_bn" in names
    assert "stage_01_block_00_swish_relu6" in names
    assert "stage_01_block_00_swish_sigmoid" not in names


@pytest.mark.parametrize("field", ["depth", "bottleneck", "width"])
def test_refuses_factors(field):
    with pytest.raises(ValueError, match=f"`{field}` must be a positive"):
        small_config("x3d", **{field: 0.0})
