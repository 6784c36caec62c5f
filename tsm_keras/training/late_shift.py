"""late_shift: where a causal network that starts from ImageNet is shifted."""

from collections.abc import Mapping
from typing import Any

from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config.parts import network_parts

# With an eighth of the channels in two stages, networks learn less.
_SHIFT_DIV = 4


def late_shift(network: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the usual placement of a causal shift in a pretrained network.

    It is in the last two stages that have residual blocks, and moves a quarter
    of the channels. EfficientNet-Lite0 learns as much with it as with an
    eighth in all stages (docs/ablations.md), and a stream takes less time for
    it (docs/performance.md).

    Args:
        network: Fields of a classifier's config that differ from their
            defaults.

    Returns:
        The fields to add. It is empty if the network is not causal TSM, or if
        `network` says in which stages the shift is.

    Raises:
        ValueError: If a field of `network` is invalid.
    """
    parts = network_parts(network)
    temporal = parts["temporal"]
    is_causal_shift = temporal.operator == "shift" and temporal.causal
    if not is_causal_shift or "stages" in network:
        return {}
    stages = BACKBONES[parts["backbone"].name].stages_with_marks[-2:]
    return {
        "stages": stages,
        "shift_div": network.get("shift_div", _SHIFT_DIV),
    }
