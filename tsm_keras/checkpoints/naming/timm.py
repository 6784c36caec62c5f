"""The names of timm: models/efficientnet.py (MobileNetV2), models/resnet.py."""

from tsm_keras.checkpoints.naming.base import Naming
from tsm_keras.checkpoints.naming.torchvision import RESNET_ROWS

_BLOCK = r"stage_\d\d_block_\d\d"
_MODULE = "blocks.{stage0}.{block}"

TIMM = Naming(
    name="timm",
    resnet=(*RESNET_ROWS, ("classifier", "fc")),
    mobilenet_v2=(
        ("stem_conv", "conv_stem"),
        ("stem_bn", "bn1"),
        # The first block does not expand.
        ("stage_01_block_00_depthwise", "blocks.0.0.conv_dw"),
        ("stage_01_block_00_depthwise_bn", "blocks.0.0.bn1"),
        ("stage_01_block_00_project", "blocks.0.0.conv_pw"),
        ("stage_01_block_00_project_bn", "blocks.0.0.bn2"),
        (_BLOCK + "_expand", _MODULE + ".conv_pw"),
        (_BLOCK + "_expand_bn", _MODULE + ".bn1"),
        (_BLOCK + "_depthwise", _MODULE + ".conv_dw"),
        (_BLOCK + "_depthwise_bn", _MODULE + ".bn2"),
        (_BLOCK + "_project", _MODULE + ".conv_pwl"),
        (_BLOCK + "_project_bn", _MODULE + ".bn3"),
        ("head_conv", "conv_head"),
        ("head_bn", "bn2"),
        ("classifier", "classifier"),
    ),
)
