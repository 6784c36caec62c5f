"""late_stages: where frames mix in a causal network with ImageNet weights."""

from collections.abc import Mapping
from typing import Any

from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config.parts import network_parts

_OPERATORS = ("shift", "mixtconv")
# With an eighth of the channels in two stages, networks learn less.
_SHIFT_DIV = 4


def late_stages(network: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the usual placement of a causal operator in a pretrained network.

    It is in the last two stages that have residual blocks, and moves a quarter
    of the channels; MixTConv moves a quarter of each group at the start. With
    EfficientNet-Lite0, the shift is as accurate there as an eighth of the
    channels in all stages, and MixTConv nearly so (docs/ablations.md). A stream
    takes less time for it (docs/performance.md).

    Args:
        network: Fields of a classifier's config that differ from their
            defaults.

    Returns:
        The fields to add. It is empty if the network is neither causal TSM nor
        causal MixTConv, or if `network` says in which stages the operator is.

    Raises:
        ValueError: If a field of `network` is invalid.
    """
    parts = network_parts(network)
    temporal = parts["temporal"]
    is_covered = temporal.operator in _OPERATORS and temporal.causal
    if not is_covered or "stages" in network:
        return {}
    stages = BACKBONES[parts["backbone"].name].stages_with_marks[-2:]
    return {
        "stages": stages,
        "shift_div": network.get("shift_div", _SHIFT_DIV),
    }
