"""Checkpoints of MixTConv, pytorchvideo and SlowFast: in, and out again."""

import numpy as np
import pytest

from testing.checkpoint_cases import BY_NAME, CLASSES, CONVOLUTIONS
from testing.checkpoint_models import import_case
from testing.numerics import relative_error
from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.exporting import export_state_dict
from tsm_keras.checkpoints.importing import import_state_dict
from tsm_keras.models.clip import with_frame_logits

TOLERANCE = 1e-4
MIXTCONV, X3D = BY_NAME["mixtconv_resnet50"], BY_NAME["pytorchvideo_x3d_xs"]


def logits_of(case, model):
    """Returns the logits of the golden case: of frames, or of two clips."""
    clip = case.clip[None]
    if case.network.startswith("x3d"):
        return model(np.concatenate([clip, clip[:, ::-1]]), training=False)
    return with_frame_logits(model)(clip, training=False)["frame_logits"][0]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case.name,
            marks=[] if case.frames < 13 else [pytest.mark.slow],
        )
        for case in CONVOLUTIONS
    ],
)
def test_an_import_computes_what_the_original_does(case):
    """And an export has the original's names and numbers."""
    model, report = import_case(case.name)
    facts = {fact.field: fact.value for fact in report.facts}
    assert facts["source"] == case.source
    logits = logits_of(case, model)
    assert relative_error(logits, case.frame_logits) <= TOLERANCE
    # In another order of time the logits are others.
    wrong = relative_error(logits[::-1], case.frame_logits)
    assert wrong > 100 * TOLERANCE
    exported = export_state_dict(model)
    expected = case.state_dict
    assert exported.keys() == expected.keys()
    for name, tensor in expected.items():
        np.testing.assert_array_equal(exported[name], tensor)


def test_what_the_file_says_and_what_its_name_says():
    config = import_case("pytorchvideo_x3d_xs")[0].video_config
    assert config.clip.num_segments == X3D.frames
    assert config.clip.frame_interval == pytest.approx(12 / 30)
    assert config.head.num_classes == CLASSES
    assert config.input.pixel_mean == pytest.approx((114.75,) * 3)
    assert not config.backbone.shortcut_batch_norm
    slowfast = import_case("slowfast_x3d_xs")[0].video_config
    assert slowfast.backbone.shortcut_batch_norm
    mixtconv = import_case("mixtconv_resnet50")[0].video_config
    assert mixtconv.temporal.kernels == (1, 3, 5, 7)
    assert mixtconv.temporal.operator == "mixtconv"


@pytest.mark.parametrize("case", [MIXTCONV, X3D], ids=lambda case: case.name)
def test_a_causal_network_must_be_forced(case):
    """Its kernels cover other frames than those that they were trained on."""
    arguments = {"name": case.file_name, "image_size": 32, **case.asked}
    with pytest.raises(CheckpointError, match="cover other frames.*--force"):
        import_state_dict(case.state_dict, causal=True, **arguments)


def test_only_networks_of_the_authors_are_exported():
    model, _ = import_state_dict(
        X3D.state_dict,
        name=X3D.file_name,
        image_size=32,
        dataset="drawn",
        causal=True,
        force=True,
    )
    assert model.video_config.can_stream
    with pytest.raises(CheckpointError, match="nothing is causal"):
        export_state_dict(model)


def test_odd_factors_are_refused():
    """Channels that no factor gives are those of another network."""
    tensors = dict(X3D.state_dict)
    name = "blocks.2.res_blocks.0.branch2.conv_c.weight"
    tensors[name] = tensors[name][:47]
    with pytest.raises(CheckpointError, match=r"No width.*Received: \[24, 47"):
        import_state_dict(tensors, name=X3D.file_name, dataset="drawn")
