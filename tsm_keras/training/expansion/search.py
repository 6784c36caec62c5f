"""expand: expands a network step by step, up to a budget.

Each step expands the network along each axis to about twice the cost, trains
these candidates and keeps the most accurate one. If that costs more than the
budget, the last expansion is reduced until the budget is met.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.multiply_adds import multiply_adds
from tsm_keras.training.expansion.axes import AXES, axes_of
from tsm_keras.training.expansion.candidate import Trained
from tsm_keras.training.expansion.folder import Candidate, ExpansionFolder
from tsm_keras.training.expansion.growth import contracted, expanded

START, CONTRACTED = "start", "contracted"

Train = Callable[
    [Mapping[str, Candidate]], Iterable[tuple[str, Trained | Exception]]
]


class Objective(Protocol):
    """What a network costs.

    Attributes:
        unit: The unit of the cost.
        streams: Whether the cost is that of a stream.
    """

    unit: str
    streams: bool

    def size(self, config: VideoClassifierConfig) -> float:
        """Returns a number to which the cost is about proportional."""

    def cost(
        self, config: VideoClassifierConfig, parent: Candidate | None
    ) -> float:
        """Returns the cost of a network.

        Args:
            config: The network.
            parent: The network that it was expanded from; None for the first.
        """


class Flops:
    """Multiply-adds per clip, the cost of the paper."""

    unit = "G multiply-adds per clip"
    streams = False

    def __init__(self):
        self._known = {}

    def size(self, config: VideoClassifierConfig) -> float:
        """Returns 10^9 multiply-adds per clip."""
        key = config.to_json()
        if key not in self._known:
            self._known[key] = multiply_adds(config) / 1e9
        return self._known[key]

    def cost(
        self, config: VideoClassifierConfig, parent: Candidate | None
    ) -> float:
        """Returns 10^9 multiply-adds per clip."""
        return self.size(config)


@dataclasses.dataclass(frozen=True)
class Step:
    """A finished step.

    Attributes:
        candidates: The networks that were trained, or failed.
        chosen: The network that the next step starts from. It is none of the
            candidates if no contraction meets the budget.
    """

    candidates: Sequence[Candidate]
    chosen: Candidate


def expand(
    start: VideoClassifierConfig,
    folder: ExpansionFolder,
    train: Train,
    *,
    objective: Objective,
    steps: int,
    axes: Sequence[str] = tuple(AXES),
    budget: float | None = None,
    log: Callable[[str], object] = print,
) -> list[Step]:
    """Expands a network, and writes each result into a folder.

    Results that the folder has already are not computed again.

    Args:
        start: The network to start from.
        folder: The folder, after `begin`.
        train: Trains candidates and writes their presets; called with the
            candidates by name, it returns an iterable of their names and
            results.
        objective: The cost of a network.
        steps: The largest number of steps.
        axes: The names of the axes.
        budget: The highest cost; None for no limit.
        log: Called with each line to print.

    Returns:
        The steps. The first one has only the start.

    Raises:
        ValueError: If the start costs more than the budget, an axis is unknown,
            or all candidates of a step fail.
    """
    search = _Search(folder, train, objective, log)
    axes_of(start, axes, streams=objective.streams)
    root = search.candidate(0, START, start, None)
    if budget is not None and root.cost > budget:
        raise ValueError(
            "`budget` must be at least the cost of the network to start from, "
            f"{root.cost:.4g} {objective.unit}. Received: budget={budget}"
        )
    done = [search.step(0, [root])]
    said: set[str] = set()
    for number in range(1, steps + 1):
        parent = done[-1].chosen
        found, left_out = axes_of(
            parent.config, axes, streams=objective.streams
        )
        for name, reason in left_out.items():
            if name not in said:
                log(f"the axis {name} is left out: {reason}")
        said |= {*left_out}
        step = search.expansion(number, parent, found)
        done.append(step)
        if budget is not None and step.chosen.cost > budget:
            done.append(search.contraction(number + 1, parent, step, budget))
            break
    return done


class _Search:
    """The parts of `expand`, which share its arguments."""

    def __init__(self, folder, train, objective, log):
        self._folder, self._train = folder, train
        self._objective, self._log = objective, log

    def candidate(self, step, name, config, parent) -> Candidate:
        """Returns a network with its cost, and its result if it has one."""
        return self._folder.result(step, name) or Candidate(
            step, name, config, self._objective.cost(config, parent)
        )

    def expansion(self, number, parent, axes) -> Step:
        """Expands a network along each axis, and chooses one candidate."""
        if chosen := self._folder.decision(number):
            found = [self._folder.result(number, axis.name) for axis in axes]
            there = [it for it in found if it]
            (best,) = (it for it in there if it.name == chosen)
            return Step(there, best)
        return self.step(
            number,
            [
                self._folder.result(number, axis.name)
                or self.candidate(
                    number,
                    axis.name,
                    expanded(parent.config, axis, self._objective.size),
                    parent,
                )
                for axis in axes
            ],
        )

    def contraction(self, number, parent, step, budget) -> Step:
        """Reduces the last expansion until it meets the budget."""
        found = self._folder.result(number, CONTRACTED)
        if not found:
            config = contracted(
                parent.config,
                step.chosen.config,
                AXES[step.chosen.name],
                lambda config: self._objective.cost(config, parent),
                budget,
            )
            if config is None:
                self._log(
                    f"no value of {step.chosen.name} between the last two "
                    "networks is within the budget: the smaller one is kept"
                )
                return Step([], parent)
            found = self.candidate(number, CONTRACTED, config, parent)
        return self.step(number, [found])

    def step(self, number, candidates) -> Step:
        """Trains the candidates of a step, and chooses the best one."""
        results = {it.name: it for it in candidates}
        # A candidate that failed earlier is tried again.
        pending = {k: it for k, it in results.items() if it.top1 is None}
        for name, result in self._train(pending) if pending else ():
            results[name] = _with_result(pending[name], result)
            self._folder.write_result(results[name])
            self._log(f"step {number}: {self._line(results[name])}")
        trained = [it for it in results.values() if it.top1 is not None]
        if not trained:
            reasons = "; ".join(
                f"{name}: {it.error}" for name, it in results.items()
            )
            raise ValueError(
                f"All candidates of step {number} failed: {reasons}"
            )
        # Of equally accurate networks the cheapest one.
        best = max(trained, key=lambda it: (it.top1, -it.cost))
        self._folder.write_decision(number, best.name)
        if len(results) > 1:
            self._log(f"step {number}: chose {best.name}")
        return Step([*results.values()], best)

    def _line(self, found):
        if found.error:
            return f"{found.name} failed: {found.error}"
        return (
            f"{found.name:10}  top-1 {found.top1:6.2%}  "
            f"{found.cost:.4g} {self._objective.unit}  ({found.seconds:.0f} s)"
        )


def _with_result(candidate, result):
    if isinstance(result, Exception):
        error = f"{type(result).__name__}: {result}"
        return dataclasses.replace(candidate, error=error)
    return dataclasses.replace(
        candidate, top1=result.top1, seconds=result.seconds, error=""
    )
