"""NAMINGS: the families of checkpoints that an import knows, by name."""

from tsm_keras.checkpoints.naming.base import Naming
from tsm_keras.checkpoints.naming.efficientnet_lite_pytorch import (
    EFFICIENTNET_LITE_PYTORCH,
)
from tsm_keras.checkpoints.naming.mixtconv import MIXTCONV
from tsm_keras.checkpoints.naming.mmaction2 import MMACTION2
from tsm_keras.checkpoints.naming.timm import TIMM
from tsm_keras.checkpoints.naming.torchvision import TORCHVISION
from tsm_keras.checkpoints.naming.tsm import TSM, TSM_ONLINE
from tsm_keras.checkpoints.naming.x3d import PYTORCHVIDEO, SLOWFAST

NAMINGS: dict[str, Naming] = {
    naming.name: naming
    for naming in (
        MIXTCONV,  # The names of TSM and more, so it is tried before TSM.
        TSM,
        TSM_ONLINE,
        MMACTION2,
        TORCHVISION,
        TIMM,
        EFFICIENTNET_LITE_PYTORCH,
        PYTORCHVIDEO,
        SLOWFAST,
    )
}
SOURCES = ("auto", *NAMINGS)
