"""BACKBONES, OPTIONS: the 2-D networks that a config can name.

TensorFlow is imported only when a network is built, because configs are
checked against this table in processes that need no TensorFlow.
"""

from tsm_keras.models.backbones.efficientnet_lite import EFFICIENTNET_LITES
from tsm_keras.models.backbones.mobilenet_v2 import MOBILENET_V2
from tsm_keras.models.backbones.mobilenet_v3 import MOBILENET_V3S
from tsm_keras.models.backbones.mobilenet_v4 import MOBILENET_V4S
from tsm_keras.models.backbones.record import Backbone
from tsm_keras.models.backbones.resnet import RESNETS
from tsm_keras.models.backbones.x3d import X3D

BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        MOBILENET_V2,
        *MOBILENET_V3S,
        *MOBILENET_V4S,
        *EFFICIENTNET_LITES,
        *RESNETS,
        X3D,
    )
}

# Fields of `BackboneConfig` that only some backbones have.
OPTIONS = frozenset(
    name for backbone in BACKBONES.values() for name in backbone.options
)
