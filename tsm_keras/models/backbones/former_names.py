"""current_layer_name: how a layer is called that once had another name."""

import re

from tsm_keras.models.backbones.table import BACKBONES

# Until presets of format 1: MobileNetV2 counted its blocks from first to last
# (`block_02_expand`), the stages of ResNets had one digit
# (`stage_1_block_00_conv_1`), and temporal operators were not told apart.
_MOBILENET_V2 = re.compile(r"block_(\d\d)_(\w+)")
_RESNET = re.compile(r"stage_(\d)_(block_\d\d)_(\w+)")
_OPERATORS = ("shift", "non_local")


def current_layer_name(old: str, backbone: str) -> str:
    """Returns the present name of a layer, which may be the same.

    >>> current_layer_name("block_02_expand", "mobilenet_v2")
    'stage_02_block_01_expand'

    Args:
        old: Its name in a preset of any age.
        backbone: As in `VideoClassifierConfig`.
    """
    if found := _RESNET.fullmatch(old):
        block, part = f"stage_0{found[1]}_{found[2]}", found[3]
    elif found := _MOBILENET_V2.fullmatch(old):
        block, part = BACKBONES[backbone].block_names[int(found[1])], found[2]
    else:
        return old
    return f"{block}_time_{part}" if part in _OPERATORS else f"{block}_{part}"
