"""The names of mmaction2: models/backbones/{resnet,mobilenet_v2}{,_tsm}.py.

In mmaction2, a convolution and its normalization form one module (`conv`,
`bn`). In ResNets a shift wraps the convolution, in MobileNetV2 the module.
"""

from tsm_keras.checkpoints.naming.base import Naming

_RESNET_BLOCK = r"stage_\d\d_block_\d\d"
_RESNET_MODULE = "backbone.layer{stage}.{block}"
_NON_LOCAL = _RESNET_BLOCK + "_time_non_local/"
_NON_LOCAL_MODULE = _RESNET_MODULE + ".non_local_block"
_BLOCK = r"stage_\d\d_block_\d\d"
_MODULE = "backbone.layer{stage}.{block}.conv"
_CLASSIFIER = ("classifier", "cls_head.fc_cls")

MMACTION2 = Naming(
    name="mmaction2",
    rows={
        "resnet": (
            ("stem_conv", "backbone.conv1.conv"),
            ("stem_bn", "backbone.conv1.bn"),
            (
                _RESNET_BLOCK + "_conv_1",
                _RESNET_MODULE + "{wrap}.conv1.conv{net}",
            ),
            (
                _RESNET_BLOCK + "_conv_(?P<number>[23])",
                _RESNET_MODULE + "{wrap}.conv{number}.conv",
            ),
            (
                _RESNET_BLOCK + r"_bn_(?P<number>\d)",
                _RESNET_MODULE + "{wrap}.conv{number}.bn",
            ),
            (
                _RESNET_BLOCK + "_downsample_(?P<part>conv|bn)",
                _RESNET_MODULE + "{wrap}.downsample.{part}",
            ),
            (_NON_LOCAL + "theta", _NON_LOCAL_MODULE + ".theta.conv"),
            # The module holds a convolution (0) and max pooling.
            (
                _NON_LOCAL + "(?P<part>phi|g)",
                _NON_LOCAL_MODULE + ".{part}.0.conv",
            ),
            (_NON_LOCAL + "projection", _NON_LOCAL_MODULE + ".conv_out.conv"),
            (_NON_LOCAL + "batch_norm", _NON_LOCAL_MODULE + ".conv_out.bn"),
            _CLASSIFIER,
        ),
        "mobilenet_v2": (
            ("stem_conv", "backbone.conv1.conv"),
            ("stem_bn", "backbone.conv1.bn"),
            # The first block does not expand.
            ("stage_01_block_00_depthwise", "backbone.layer1.0.conv.0.conv"),
            ("stage_01_block_00_depthwise_bn", "backbone.layer1.0.conv.0.bn"),
            ("stage_01_block_00_project", "backbone.layer1.0.conv.1.conv"),
            ("stage_01_block_00_project_bn", "backbone.layer1.0.conv.1.bn"),
            (_BLOCK + "_expand", _MODULE + ".0{net}.conv"),
            (_BLOCK + "_expand_bn", _MODULE + ".0{net}.bn"),
            (_BLOCK + "_depthwise", _MODULE + ".1.conv"),
            (_BLOCK + "_depthwise_bn", _MODULE + ".1.bn"),
            (_BLOCK + "_project", _MODULE + ".2.conv"),
            (_BLOCK + "_project_bn", _MODULE + ".2.bn"),
            ("head_conv", "backbone.conv2.conv"),
            ("head_bn", "backbone.conv2.bn"),
            _CLASSIFIER,
        ),
    },
    marks_in_keys=True,
    # In mmaction2 a convolution before a normalization has no bias.
    zero_where_absent=r".*\.non_local_block\.conv_out\.conv\.bias",
)
