"""current_layer_name: translates the layer names of old presets."""

import re

from tsm_keras.models.backbones.table import BACKBONES

# In presets of format 1, MobileNetV2 numbered its blocks across all stages
# (`block_02_expand`), the stages of ResNets had one digit
# (`stage_1_block_00_conv_1`), and the layers of temporal operators had no
# `time` in their names.
_MOBILENET_V2 = re.compile(r"block_(\d\d)_(\w+)")
_RESNET = re.compile(r"stage_(\d)_(block_\d\d)_(\w+)")
_OPERATORS = ("shift", "non_local")


def current_layer_name(old: str, backbone: str) -> str:
    """Returns the present name of a layer, which may be equal to the old one.

    >>> current_layer_name("block_02_expand", "mobilenet_v2")
    'stage_02_block_01_expand'

    Args:
        old: The layer's name in a preset, old or new.
        backbone: The name of the backbone, as in `VideoClassifierConfig`.
    """
    if found := _RESNET.fullmatch(old):
        block, part = f"stage_0{found[1]}_{found[2]}", found[3]
    elif found := _MOBILENET_V2.fullmatch(old):
        block, part = BACKBONES[backbone].block_names[int(found[1])], found[2]
    else:
        return old
    return f"{block}_time_{part}" if part in _OPERATORS else f"{block}_{part}"
