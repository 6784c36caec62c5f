"""Imported networks compute what rebuilt PyTorch networks do."""

import numpy as np
import pytest

from testing.checkpoint_cases import BY_NAME, CASES, CLASSES
from testing.checkpoint_models import (
    import_case,
    imported_frame_logits,
    imported_stream,
)
from testing.numerics import relative_error
from tsm_keras.checkpoints.exporting import export_state_dict

torch = pytest.importorskip("torch")
# Imports torch itself.
torch_networks = pytest.importorskip("testing.torch_networks")

TOLERANCE = 1e-4
# Of ImageNet, in units of 0..1, and the single one of flow.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
REBUILT = [
    "tsm_mobilenet_v2",
    "tsm_resnet18",
    "tsm_resnet50",
    "tsm_resnet101",
    "tsn_mobilenet_v2",
    "tsn_resnet18",
    "tsm_resnet50_non_local",
    "tsm_resnet50_flow",
]


def rebuild(case):
    network = torch_networks.recognizer(
        case.network,
        CLASSES,
        **({"segments": case.frames} if "shift" in case.file_name else {}),
        **({"non_local": True} if "_nl" in case.file_name else {}),
        **({"channels": 10} if case.channels == 10 else {}),
    )
    return network.eval()


def load(network, state_dict):
    """Loads weights; missing or additional names are errors."""
    network.load_state_dict(
        {name: torch.from_numpy(array) for name, array in state_dict.items()}
    )
    return network


def to_torch(case):
    mean, std = (MEAN, STD) if case.channels == 3 else (0.5, np.mean(STD))
    frames = (case.clip / 255 - mean) / std
    return torch.from_numpy(
        frames.transpose(0, 3, 1, 2).astype(np.float32).copy()
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", REBUILT)
def test_clips(name):
    case = BY_NAME[name]
    with torch.no_grad():
        expected = load(rebuild(case), case.state_dict)(to_torch(case)).numpy()
    assert relative_error(expected, case.frame_logits) <= TOLERANCE
    assert relative_error(imported_frame_logits(name), expected) <= TOLERANCE


@pytest.mark.slow
def test_stream_with_every_cache():
    case = BY_NAME["tsm_online"]
    network = load(torch_networks.Online(CLASSES).eval(), case.state_dict)
    torch_caches = []
    for (logits, caches), frame in zip(
        imported_stream(case.name), to_torch(case), strict=True
    ):
        with torch.no_grad():
            expected, torch_caches = network(frame[None], torch_caches)
        assert relative_error(logits, expected[0]) <= TOLERANCE
        for cache, torch_cache in zip(caches, torch_caches, strict=True):
            torch_cache = torch_cache.permute(0, 2, 3, 1).numpy()
            assert relative_error(cache, torch_cache) <= TOLERANCE


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name)
        for case in CASES
        if case.name in ("tsn_resnet50", "tsm_resnet34")
    ],
)
def test_an_export_goes_into_the_network_it_came_from(case):
    """`load_state_dict` of PyTorch takes it, and nothing has changed."""
    model, _ = import_case(case.name)
    exported = export_state_dict(model)
    network = load(rebuild(case), exported)
    with torch.no_grad():
        frame_logits = network(to_torch(case)).numpy()
    assert relative_error(frame_logits, case.frame_logits) <= TOLERANCE
    for name, tensor in case.state_dict.items():
        np.testing.assert_array_equal(exported[name], tensor)
