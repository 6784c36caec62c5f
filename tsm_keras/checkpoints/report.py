"""ImportReport: describes the imported network and what each tensor became."""

import collections
import dataclasses

from tsm_keras.checkpoints.inference import Fact
from tsm_keras.models.config import VideoClassifierConfig


@dataclasses.dataclass(frozen=True)
class LoadedTensor:
    """A tensor that was loaded.

    Attributes:
        key: The name of the tensor in the checkpoint.
        shape: The shape of the tensor in the checkpoint.
        layer_name: The name of the layer that the tensor was loaded into.
        index: The index of the variable among the layer's weights.
        how: The change of its axes, such as `"OIHW -> HWIO"` or `"as it is"`.
    """

    key: str
    shape: tuple[int, ...]
    layer_name: str
    index: int
    how: str


@dataclasses.dataclass(frozen=True)
class ImportReport:
    """The report on an import.

    Attributes:
        facts: The properties of the network, and how each was found.
        config: The config of the network.
        dataset: The name of the data set that the weights were trained on.
        loaded: The tensors that were loaded.
        ignored: The names of all other tensors, each with the reason.
        renamed: The changes that were made to all names before matching them.
        forced_shift: The shift that the weights were trained with, if it
            differs from that of the network; else None.
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
        """True if the classifier is new and has random weights."""
        return all(tensor.layer_name != "classifier" for tensor in self.loaded)

    def to_text(self, *, every_tensor: bool = False) -> str:
        """Returns the report as text to print.

        Args:
            every_tensor: Whether to add one line per tensor.
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
                f"classifier: new ({self.config.head.num_classes} classes); "
                "train it before use"
            )
        if self.forced_shift:
            lines.append(
                f"WARNING: weights of shift={self.forced_shift!r} in a network "
                f"of shift={self.config.temporal.shift!r}; train it before use"
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
