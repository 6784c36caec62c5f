"""The names of torchvision: models/resnet.py and models/mobilenetv2.py.

The TSM authors use the ResNets of torchvision, so they share these rows.
"""

from tsm_keras.checkpoints.naming.base import Naming

_BLOCK = r"stage_\d\d_block_\d\d"
_MODULE = "layer{stage}.{block}"

RESNET_ROWS = (
    ("stem_conv", "conv1"),
    ("stem_bn", "bn1"),
    (_BLOCK + "_conv_1", _MODULE + "{wrap}.conv1{net}"),
    (_BLOCK + r"_conv_(?P<number>[23])", _MODULE + "{wrap}.conv{number}"),
    (_BLOCK + r"_bn_(?P<number>\d)", _MODULE + "{wrap}.bn{number}"),
    (_BLOCK + "_downsample_conv", _MODULE + "{wrap}.downsample.0"),
    (_BLOCK + "_downsample_bn", _MODULE + "{wrap}.downsample.1"),
)

TORCHVISION = Naming(
    name="torchvision",
    rows={
        "resnet": (*RESNET_ROWS, ("classifier", "fc")),
        "mobilenet_v2": (
            ("stem_conv", "features.0.0"),
            ("stem_bn", "features.0.1"),
            # The first block does not expand.
            ("stage_01_block_00_depthwise", "features.1.conv.0.0"),
            ("stage_01_block_00_depthwise_bn", "features.1.conv.0.1"),
            ("stage_01_block_00_project", "features.1.conv.1"),
            ("stage_01_block_00_project_bn", "features.1.conv.2"),
            (r"stage_\d\d_block_\d\d_expand", "features.{feature}.conv.0.0"),
            (r"stage_\d\d_block_\d\d_expand_bn", "features.{feature}.conv.0.1"),
            (r"stage_\d\d_block_\d\d_depthwise", "features.{feature}.conv.1.0"),
            (
                r"stage_\d\d_block_\d\d_depthwise_bn",
                "features.{feature}.conv.1.1",
            ),
            (r"stage_\d\d_block_\d\d_project", "features.{feature}.conv.2"),
            (r"stage_\d\d_block_\d\d_project_bn", "features.{feature}.conv.3"),
            ("head_conv", "features.18.0"),
            ("head_bn", "features.18.1"),
            ("classifier", "classifier.1"),
        ),
    },
)
