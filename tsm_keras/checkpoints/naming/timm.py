"""The names of timm: models/efficientnet.py, mobilenetv3.py and resnet.py."""

from tsm_keras.checkpoints.naming.base import Naming
from tsm_keras.checkpoints.naming.torchvision import RESNET_ROWS

_BLOCK = r"stage_\d\d_block_\d\d"
_MODULE = "blocks.{stage0}.{block}"
_STEM_AND_CLASSIFIER = (
    ("stem_conv", "conv_stem"),
    ("stem_bn", "bn1"),
    ("classifier", "classifier"),
)
_BLOCKS = (
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
)
# MobileNetV2 and EfficientNet-Lite end alike, MobileNetV3 and V4 do too.
_HEAD = (("head_conv", "conv_head"), ("head_bn", "bn2"))
_HEAD_AFTER_POOL = (
    ("head_conv", "blocks.{stages}.0.conv"),
    ("head_bn", "blocks.{stages}.0.bn1"),
    ("head_dense", "conv_head"),
    ("head_dense_bn", "norm_head"),
)
_INVERTED_RESIDUALS = (*_STEM_AND_CLASSIFIER, *_BLOCKS, *_HEAD)

TIMM = Naming(
    name="timm",
    rows={
        "resnet": (*RESNET_ROWS, ("classifier", "fc")),
        "mobilenet_v2": _INVERTED_RESIDUALS,
        "efficientnet_lite": _INVERTED_RESIDUALS,
        "mobilenet_v3": (
            *_STEM_AND_CLASSIFIER,
            *_BLOCKS,
            (_BLOCK + "_squeeze", _MODULE + ".se.conv_reduce"),
            (_BLOCK + "_excite", _MODULE + ".se.conv_expand"),
            *_HEAD_AFTER_POOL,
        ),
        "mobilenet_v4": (
            *_STEM_AND_CLASSIFIER,
            # The first block of Conv-M.
            ("stage_01_block_00_fused", "blocks.0.0.conv_exp"),
            ("stage_01_block_00_fused_bn", "blocks.0.0.bn1"),
            ("stage_01_block_00_project", "blocks.0.0.conv_pwl"),
            ("stage_01_block_00_project_bn", "blocks.0.0.bn2"),
            # The first two stages of Conv-S.
            (_BLOCK + "_conv", _MODULE + ".conv"),
            (_BLOCK + "_conv_bn", _MODULE + ".bn1"),
            (_BLOCK + "_start", _MODULE + ".dw_start.conv"),
            (_BLOCK + "_start_bn", _MODULE + ".dw_start.bn"),
            (_BLOCK + "_expand", _MODULE + ".pw_exp.conv"),
            (_BLOCK + "_expand_bn", _MODULE + ".pw_exp.bn"),
            (_BLOCK + "_middle", _MODULE + ".dw_mid.conv"),
            (_BLOCK + "_middle_bn", _MODULE + ".dw_mid.bn"),
            (_BLOCK + "_project", _MODULE + ".pw_proj.conv"),
            (_BLOCK + "_project_bn", _MODULE + ".pw_proj.bn"),
            *_HEAD_AFTER_POOL,
        ),
    },
)
