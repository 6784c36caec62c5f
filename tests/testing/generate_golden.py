"""Writes golden.npz, which holds the outputs of the original networks.

It runs the original code without changes: the repositories of the TSM authors
and of mmaction2, torchvision, timm and efficientnet_lite_pytorch. Weights and
clips are drawn from a seed per name (`seeded_weights`), so the file holds
outputs only. docs/checkpoints.md says how to set it up. Then run

    PYTHONPATH=.:tests:TSM_REPOSITORY:MMACTION2_REPOSITORY \
        python -m testing.generate_golden [CASE...]

With the names of some cases, the outputs of all others stay as they are. Cases
of MixTConv must be run alone, because its authors' packages have the same names
as those of TSM: the convolutions are theirs (ops/operations.py), the ResNet
around them is `torch_networks`, as a part of their code is missing. Those of
pytorchvideo are its own. SlowFast's is pytorchvideo's with the normalization
and the names of SlowFast, which pip does not bring.
"""

import importlib
import os
import sys
import types

import numpy as np

from testing.checkpoint_cases import BY_NAME, CLASSES, GOLDEN, load_golden
from testing.golden_convolutions import (
    build_mixtconv,
    build_pytorchvideo,
    build_slowfast,
    published_name,
    run_x3d,
)
from testing.seeded_weights import draw_state_dict

# In units of 0..1, as in the original code (TSM's ops/models.py; timm's
# default_cfgs; efficientnet_lite_builder.py).
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_FLOW_MEAN, _FLOW_STD = (0.5,) * 10, (np.mean(_STD),) * 10
_HALF = (0.5,) * 3
_LITE_MEAN, _LITE_STD = (127 / 255,) * 3, (128 / 255,) * 3
# The numbers that are kept of each cache, enough to tell it from others.
PROJECTIONS = 4


def main(names):
    """Runs the named cases, or every case, and writes the file."""
    import torch

    torch.set_grad_enabled(False)
    cases = [BY_NAME[name] for name in names or BY_NAME]
    arrays = {
        key: array
        for key, array in (load_golden() if names else {}).items()
        if key.partition("/")[0] not in names
    }
    for case in cases:
        network = _BUILDERS[case.source](case)
        network.eval()
        names = {
            name: published_name(case, name)
            for name in network.state_dict()
            if not name.endswith("num_batches_tracked")
        }
        shapes = {
            names[name]: tuple(tensor.shape)
            for name, tensor in network.state_dict().items()
            if name in names
        }
        drawn = draw_state_dict(shapes, case.gain)
        network.load_state_dict(
            {
                name: torch.from_numpy(drawn[published])
                for name, published in names.items()
            },
            strict=False,  # The checkpoint lacks num_batches_tracked.
        )
        mean, std = _normalization(case)
        frames = (case.clip / np.float32(255) - np.float32(mean)) / np.float32(
            std
        )
        frames = torch.from_numpy(frames.transpose(0, 3, 1, 2).copy())
        found = (
            _run_stream(network, frames)
            if case.source == "tsm_online"
            else {"frame_logits": _run_clip(case, network, frames)}
        )
        found["names"] = np.array(list(shapes))
        found["shapes"] = np.array(
            ["x".join(map(str, shape)) for shape in shapes.values()]
        )
        arrays |= {f"{case.name}/{key}": value for key, value in found.items()}
        logits = found["frame_logits"]
        print(
            f"{case.name:34} {len(shapes):4} tensors, logits "
            f"{logits.mean():8.3f} +- {logits.std():.3f}, over time "
            f"{logits.std(axis=0).mean():.3f}",
            flush=True,
        )
    temporary = GOLDEN.with_suffix(".part")
    with temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    temporary.replace(GOLDEN)


def _normalization(case):
    if case.channels != 3:
        return _FLOW_MEAN, _FLOW_STD
    if case.source == "efficientnet_lite_pytorch":
        return _LITE_MEAN, _LITE_STD
    if case.network.startswith("x3d"):
        return (0.45,) * 3, (0.225,) * 3
    return (_HALF, _HALF) if case.network.startswith("tf_") else (_MEAN, _STD)


def project(array):
    """Returns a few numbers that depend on every number of an array."""
    flat = np.asarray(array, np.float64).ravel()
    steps = np.arange(1, flat.size + 1)
    return np.array(
        [
            np.sum(flat * np.cos(steps * (index + 1))) / np.sqrt(flat.size)
            for index in range(PROJECTIONS)
        ]
    )


def _run_clip(case, network, frames):
    """Returns the logits of each frame of one clip."""
    if case.network.startswith("x3d"):
        return run_x3d(network, frames)
    if case.source != "tsm":
        return network(frames).numpy()
    seen = []
    hook = network.new_fc.register_forward_hook(
        lambda module, inputs, outputs: seen.append(outputs)
    )
    # The data loader of the authors gives [B, T * C, H, W].
    consensus = network(frames.reshape(1, -1, *frames.shape[2:]))
    hook.remove()
    np.testing.assert_allclose(consensus[0], seen[0].mean(0), rtol=1e-4)
    return seen[0].numpy()


def _run_stream(network, frames):
    import torch

    caches = [
        torch.zeros(1, channels, side, side)
        for channels, side in (
            (3, 56),
            *[(4, 28)] * 2,
            *[(8, 14)] * 3,
            *[(12, 14)] * 2,
            *[(20, 7)] * 2,
        )
    ]
    logits, projections = [], []
    for frame in frames:
        output, *caches = network(frame[None], *caches)
        logits.append(output[0].numpy())
        projections.append(
            [project(cache.permute(0, 2, 3, 1)) for cache in caches]
        )
    return {
        "frame_logits": np.stack(logits),
        "caches": np.array(projections),
    }


def _build_tsm(case):
    from ops.models import TSN

    # Its MobileNetV2 reads this attribute, which its constructor never sets.
    TSN.print_spec = False
    parts = case.file_name.split("_")
    shift = next((part for part in parts if part.startswith("shift")), "")
    return TSN(
        CLASSES,
        case.frames,
        parts[2],
        base_model=case.network,
        pretrain="",
        partial_bn=False,
        print_spec=False,
        is_shift=bool(shift),
        shift_div=8,
        shift_place=parts[parts.index(shift) + 1] if shift else "blockres",
        non_local=case.file_name.endswith("_nl.pth"),
    )


def _build_tsm_online(case):
    del case
    module = importlib.import_module("online_demo.mobilenet_v2_tsm")
    return module.MobileNetV2(n_class=CLASSES)


def _build_mmaction2(case):
    import torch

    # The packages' own __init__ would import all of mmaction2 and compiled
    # operators of mmcv; the files of the networks need neither.
    for package in ("mmaction", "mmaction.models", "mmaction.models.backbones"):
        if package not in sys.modules:
            module = types.ModuleType(package)
            module.__path__ = [
                found
                for folder in sys.path
                if os.path.isdir(
                    found := os.path.join(folder, *package.split("."))
                )
            ]
            sys.modules[package] = module
    utils = types.ModuleType("mmaction.utils")
    utils.ConfigType = utils.OptConfigType = object  # Names for type hints.
    sys.modules.setdefault("mmaction.utils", utils)
    backbones = "mmaction.models.backbones"
    shift = {"num_segments": case.frames, "pretrained2d": False}
    if case.network == "MobileNetV2TSM":
        module = importlib.import_module(f"{backbones}.mobilenet_v2_tsm")
        backbone, features = module.MobileNetV2TSM(**shift), 1280
    elif case.network == "ResNet":
        module = importlib.import_module(f"{backbones}.resnet")
        backbone, features = module.ResNet(18), 512
    else:
        module = importlib.import_module(f"{backbones}.resnet_tsm")
        if "-nl-" in case.file_name:
            # configs/recognition/tsm/..._nl-embedded-gaussian_....py
            shift |= {
                "non_local": (
                    (0, 0, 0),
                    (1, 0, 1, 0),
                    (1, 0, 1, 0, 1, 0),
                    (0, 0, 0),
                ),
                "non_local_cfg": {
                    "sub_sample": True,
                    "use_scale": False,
                    "norm_cfg": {"type": "BN3d", "requires_grad": True},
                    "mode": "embedded_gaussian",
                },
            }
        backbone, features = module.ResNetTSM(50, **shift), 2048

    class Recognizer(torch.nn.Module):
        """Backbone and head under the names of Recognizer2D and TSMHead."""

        def __init__(self):
            super().__init__()
            self.backbone = backbone
            self.cls_head = torch.nn.Module()
            self.cls_head.fc_cls = torch.nn.Linear(features, CLASSES)

        def forward(self, frames):
            pooled = self.backbone(frames).mean(dim=(2, 3))
            return self.cls_head.fc_cls(pooled)

    return Recognizer()


def _build_torchvision(case):
    import torchvision

    return getattr(torchvision.models, case.network)(num_classes=CLASSES)


def _build_timm(case):
    import timm

    return timm.create_model(case.network, num_classes=CLASSES)


def _build_efficientnet_lite_pytorch(case):
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_name(case.network, num_classes=CLASSES)


_BUILDERS = {
    "mixtconv": build_mixtconv,
    "pytorchvideo": build_pytorchvideo,
    "slowfast": build_slowfast,
    "tsm": _build_tsm,
    "tsm_online": _build_tsm_online,
    "mmaction2": _build_mmaction2,
    "torchvision": _build_torchvision,
    "timm": _build_timm,
    "efficientnet_lite_pytorch": _build_efficientnet_lite_pytorch,
}

if __name__ == "__main__":
    main(sys.argv[1:])
