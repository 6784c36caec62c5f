"""late_stages: where frames mix in a causal network that starts from ImageNet."""

from collections.abc import Mapping
from typing import Any

from tsm_keras.models.backbones.table import BACKBONES
from tsm_keras.models.config.parts import network_parts

# What each operator needs besides the stages. With an eighth of the channels
# shifted in two stages, networks learn less; MixTConv mixes all channels.
_FIELDS: dict[str, dict[str, Any]] = {
    "shift": {"shift_div": 4},
    "mixtconv": {},
}


def late_stages(network: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the usual placement of a causal operator in a pretrained network.

    The operator is in the last two stages that have residual blocks, and a
    shift moves a quarter of the channels. EfficientNet-Lite0 learns as much
    with it as in all stages, where the shift moves an eighth
    (docs/ablations.md), and a stream takes less time for it
    (docs/performance.md).

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
    if (
        not temporal.causal
        or temporal.operator not in _FIELDS
        or "stages" in network
    ):
        return {}
    fields = _FIELDS[temporal.operator]
    stages = BACKBONES[parts["backbone"].name].stages_with_marks[-2:]
    given = {name: network[name] for name in fields if name in network}
    return {"stages": stages, **fields, **given}
