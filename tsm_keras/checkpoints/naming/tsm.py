"""The names of the TSM authors' networks, offline and online.

The offline network (ops/models.py) holds the ResNet of torchvision or the
MobileNetV2 of archs/mobilenet_v2.py as `base_model`. Shifts wrap convolutions
(`.net`), and non-local blocks wrap blocks (`.block`, `.nl`; ops/non_local.py).
The online network (online_demo/mobilenet_v2_tsm.py) is the same MobileNetV2
without `base_model`; its names do not show the shift.
"""

from tsm_keras.checkpoints.naming.base import Naming
from tsm_keras.checkpoints.naming.torchvision import RESNET_ROWS

_BLOCK = r"stage_\d\d_block_\d\d"
_MODULE = "features.{feature}.conv"
_MOBILENET_V2_ROWS = (
    ("stem_conv", "features.0.0"),
    ("stem_bn", "features.0.1"),
    # The first block does not expand.
    ("stage_01_block_00_depthwise", "features.1.conv.0"),
    ("stage_01_block_00_depthwise_bn", "features.1.conv.1"),
    ("stage_01_block_00_project", "features.1.conv.3"),
    ("stage_01_block_00_project_bn", "features.1.conv.4"),
    (_BLOCK + "_expand", _MODULE + ".0{net}"),
    (_BLOCK + "_expand_bn", _MODULE + ".1"),
    (_BLOCK + "_depthwise", _MODULE + ".3"),
    (_BLOCK + "_depthwise_bn", _MODULE + ".4"),
    (_BLOCK + "_project", _MODULE + ".6"),
    (_BLOCK + "_project_bn", _MODULE + ".7"),
    ("head_conv", "features.18.0"),
    ("head_bn", "features.18.1"),
)

_NON_LOCAL = r"stage_\d\d_block_\d\d_time_non_local/"
_NON_LOCAL_MODULE = "layer{stage}.{block}.nl"
_NON_LOCAL_ROWS = (
    (_NON_LOCAL + "theta", _NON_LOCAL_MODULE + ".theta"),
    # The module holds a convolution (0) and max pooling.
    (_NON_LOCAL + "(?P<part>phi|g)", _NON_LOCAL_MODULE + ".{part}.0"),
    (_NON_LOCAL + "projection", _NON_LOCAL_MODULE + ".W.0"),
    (_NON_LOCAL + "batch_norm", _NON_LOCAL_MODULE + ".W.1"),
)


def _in_base_model(rows):
    return tuple((ours, f"base_model.{theirs}") for ours, theirs in rows)


TSM = Naming(
    name="tsm",
    rows={
        "resnet": (
            *_in_base_model(RESNET_ROWS + _NON_LOCAL_ROWS),
            ("classifier", "new_fc"),
        ),
        "mobilenet_v2": (
            *_in_base_model(_MOBILENET_V2_ROWS),
            ("classifier", "new_fc"),
        ),
    },
    marks_in_keys=True,
)

TSM_ONLINE = Naming(
    name="tsm_online",
    rows={
        "mobilenet_v2": (*_MOBILENET_V2_ROWS, ("classifier", "classifier")),
    },
)
