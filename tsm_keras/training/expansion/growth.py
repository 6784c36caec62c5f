"""expanded, contracted: networks with another value on one axis, by cost."""

from collections.abc import Callable

from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.training.expansion.axes import Axis

CostOf = Callable[[VideoClassifierConfig], float]

FACTOR = 2.0  # The paper doubles the cost in each step.


def expanded(
    config: VideoClassifierConfig, axis: Axis, cost: CostOf
) -> VideoClassifierConfig:
    """Returns the network whose cost is nearest to twice that of another one.

    Only its value on the axis differs: it is the next value of the axis's grid
    or a later one. Values that give networks of equal cost (depths that give
    the same numbers of blocks) count as the highest of them.

    Args:
        config: The network to expand.
        axis: The axis.
        cost: Returns the cost of a network. It must not fall when the value
            rises.
    """
    before = axis.value(config)
    target = FACTOR * cost(config)
    start = low = int(before / axis.grid + 1e-6)
    found = {}
    high = None
    guess = before * FACTOR ** (1 / axis.power)
    while high is None or high - low > 1:
        index = max(low + 1, round(guess / axis.grid))
        if high is not None:
            index = min(index, high - 1)
        found[index] = cost(axis.at(config, index * axis.grid))
        if found[index] <= target:
            low = index
        else:
            high = index
        share = target / found[index]
        guess = index * axis.grid * share ** (1 / axis.power)
    if low != start and target - found[low] <= found[high] - target:
        return axis.at(config, low * axis.grid)
    return axis.at(config, high * axis.grid)


def contracted(
    parent: VideoClassifierConfig,
    child: VideoClassifierConfig,
    axis: Axis,
    cost: CostOf,
    budget: float,
) -> VideoClassifierConfig | None:
    """Returns the largest network between two that costs at most a budget.

    Args:
        parent: A network within the budget.
        child: The parent expanded along the axis, which is above the budget.
        axis: The axis.
        cost: Returns the cost of a network, as in `expanded`.
        budget: The highest cost.

    Returns:
        The network, or None if no network between the two is within the budget.
    """
    first = low = int(axis.value(parent) / axis.grid + 1e-6)
    high = round(axis.value(child) / axis.grid)
    while high - low > 1:
        middle = (low + high) // 2
        if cost(axis.at(parent, middle * axis.grid)) <= budget:
            low = middle
        else:
            high = middle
    return None if low == first else axis.at(parent, low * axis.grid)
