"""The original networks with convolutions in time, for `generate_golden`."""

import re
import sys
import types

from testing.checkpoint_cases import CLASSES


def run_x3d(network, frames):
    """Returns the logits of the clip, and of the clip running backwards."""
    import torch

    clip = frames.transpose(0, 1)
    head = network.blocks[5]
    head.activation = None  # A softmax, which the network applies in tests.
    return network(torch.stack([clip, clip.flip(1)])).numpy()


def build_mixtconv(case):
    """Puts the authors' convolutions into a ResNet; they wrap `conv1`."""
    # Their module imports a debugger.
    sys.modules.setdefault(
        "IPython",
        types.SimpleNamespace(embed=None),  # type: ignore[arg-type]
    )
    from ops.operations import MsGroupConv1d

    from testing import torch_networks

    network = torch_networks.recognizer(case.network, CLASSES)
    for stage in range(1, 5):
        for block in getattr(network.base_model, f"layer{stage}"):
            block.conv1 = MsGroupConv1d(block.conv1, case.frames, n_div=8)
    return network


def build_pytorchvideo(case):
    """Returns X3D of pytorchvideo."""
    # It imports an operator that X3D does not need.
    operators = types.SimpleNamespace(RoIAlign=object)
    for name in ("torchvision", "torchvision.ops"):
        sys.modules.setdefault(name, operators)  # type: ignore[arg-type]
    from pytorchvideo.models.x3d import create_x3d

    return create_x3d(
        input_clip_length=case.frames,
        input_crop_size=case.size,
        model_num_class=CLASSES,
    )


def build_slowfast(case):
    """Returns X3D of pytorchvideo with the normalization of SlowFast."""
    import torch

    network = build_pytorchvideo(case)
    network.blocks[1].res_blocks[0].branch1_norm = torch.nn.BatchNorm3d(24)
    return network


# The names that SlowFast gives to the modules of pytorchvideo.
_SLOWFAST = (
    (r"blocks\.0\.conv\.conv_t", "s1.pathway0_stem.conv_xy"),
    (r"blocks\.0\.conv\.conv_xy", "s1.pathway0_stem.conv"),
    (r"blocks\.0\.norm", "s1.pathway0_stem.bn"),
    (r"blocks\.5\.pool\.pre_conv", "head.conv_5"),
    (r"blocks\.5\.pool\.pre_norm", "head.conv_5_bn"),
    (r"blocks\.5\.pool\.post_conv", "head.lin_5"),
    (r"blocks\.5\.proj", "head.projection"),
    (
        r"blocks\.(\d)\.res_blocks\.",
        lambda match: f"s{int(match[1]) + 1}.pathway0_res",
    ),
    (r"branch1_conv", "branch1"),
    (r"branch1_norm", "branch1_bn"),
    (r"norm_b\.0", "b_bn"),
    (r"norm_b\.1\.block\.0", "se.fc1"),
    (r"norm_b\.1\.block\.2", "se.fc2"),
    (r"conv_([abc])", r"\1"),
    (r"norm_([ac])", r"\1_bn"),
)


def published_name(case, name):
    """Returns the name of a tensor in the files of its project."""
    for pattern, replacement in _SLOWFAST if case.source == "slowfast" else ():
        name = re.sub(pattern, replacement, name)
    return name
