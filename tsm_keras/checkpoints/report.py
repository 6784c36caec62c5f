"""ImportReport: what an import found out, and what became of each tensor."""

import collections
import dataclasses

from tsm_keras.checkpoints.inference import Fact
from tsm_keras.models.config import VideoClassifierConfig


@dataclasses.dataclass(frozen=True)
class LoadedTensor:
    """A tensor that was loaded.

    Attributes:
        key: Its name in the checkpoint.
        shape: In the checkpoint.
        layer_name: Of the layer that has it now.
        index: Of the variable among the layer's weights.
        how: Its axes were turned, `"OIHW -> HWIO"` or `"as it is"`.
    """

    key: str
    shape: tuple[int, ...]
    layer_name: str
    index: int
    how: str


@dataclasses.dataclass(frozen=True)
class ImportReport:
    """The account of an import.

    Attributes:
        facts: What was found out about the network, and how.
        config: Of the network.
        dataset: What the weights were trained on.
        loaded: Every tensor that was loaded.
        ignored: Every other one, with the reason.
        renamed: What was done to names before they were looked up.
        forced_shift: The shift the weights were trained with, if it is another
            than the network's, else None.
    """

    facts: tuple[Fact, ...]
    config: VideoClassifierConfig
    dataset: str
    loaded: tuple[LoadedTensor, ...]
    ignored: dict[str, str]
    renamed: tuple[str, ...] = ()
    forced_shift: str | None = None

    @property
    def has_new_classifier(self) -> bool:
        """Whether the classifier starts anew, with random weights."""
        return all(tensor.layer_name != "classifier" for tensor in self.loaded)

    def to_text(self, *, every_tensor: bool = False) -> str:
        """Returns the report for people.

        Args:
            every_tensor: Give each tensor a line of its own.
        """
        lines = [
            f"{fact.field:20}{_short(fact.value):32}{fact.how}"
            for fact in self.facts
        ]
        lines += ["", *(f"read {names}" for names in self.renamed)]
        turns = {tensor.key: tensor.how for tensor in self.loaded}
        for what, reasons in (("loaded", turns), ("ignored", self.ignored)):
            lines.append(f"{what:8}{len(reasons)} tensors")
            for reason, count in collections.Counter(reasons.values()).items():
                lines.append(f"{count:12}  {reason}")
        if every_tensor:
            lines += [
                "",
                *(
                    f"{tensor.key} {list(tensor.shape)} -> "
                    f"{tensor.layer_name}[{tensor.index}], {tensor.how}"
                    for tensor in self.loaded
                ),
                *(f"{key}: {reason}" for key, reason in self.ignored.items()),
            ]
        if self.has_new_classifier:
            lines.append(
                f"classifier: starts anew ({self.config.num_classes} classes); "
                "train it before use"
            )
        if self.forced_shift:
            lines.append(
                f"WARNING: weights of shift={self.forced_shift!r} in a network "
                f"of shift={self.config.shift!r}: train it before use"
            )
        return "\n".join(lines)


def _short(value):
    if not isinstance(value, tuple):
        return str(value)
    if len(value) <= 3:
        return ", ".join(map(str, value))
    if len(set(value)) == 1:
        return f"{value[0]:.4g} ({len(value)} times)"
    return f"{value[0]}, {value[1]}, ... ({len(value)})"
