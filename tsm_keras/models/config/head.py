"""HeadConfig: one classification that a network makes."""

import dataclasses
import re

from tsm_keras.models.config.checks import (
    as_tuple,
    expect,
    expect_integer,
    is_label,
)

_CLASSIFIER = "classifier"
# Starts the names of a detector's layers after the backbone.
DETECTOR = "detector"


@dataclasses.dataclass(frozen=True)
class HeadConfig:
    """One classification that a network makes.

    Attributes:
        num_classes: The number of classes, at least 2.
        labels: The class names in the order of the logits, or empty.
        name: The name of the classification, such as `"verb"`: lower-case
            letters, digits and underscores. It is empty if the network makes
            only one.

    Raises:
        ValueError: If a field is invalid.
    """

    num_classes: int
    labels: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self):
        object.__setattr__(self, "labels", as_tuple(self.labels))
        expect_integer("num_classes", self.num_classes, 2)
        expect(
            "labels",
            self.labels,
            isinstance(self.labels, tuple)
            and all(map(is_label, self.labels))
            and len(set(self.labels)) == len(self.labels) != 1
            and len(self.labels) in (0, self.num_classes),
            f"num_classes={self.num_classes} different names, each on one "
            "line, or none",
        )
        expect(
            "name",
            self.name,
            isinstance(self.name, str)
            and bool(re.fullmatch("([a-z][a-z0-9_]*)?", self.name)),
            "lower-case letters, digits and underscores, or empty",
        )

    @property
    def output(self) -> str:
        """The name of the output: `"logits"`, or with a name `"logits_verb"`.

        The logits of single frames have `"frame_"` before it.
        """
        return self._named("logits")

    @property
    def classifier(self) -> str:
        """The name of the layer that computes the logits."""
        return self._named(_CLASSIFIER)

    def _named(self, word: str) -> str:
        return f"{word}_{self.name}" if self.name else word


def belongs_to_head(layer_name: str) -> bool:
    """Tells by its name whether a layer comes after the backbone.

    Such a layer is the classifier of a head, or belongs to the feature pyramid
    or the heads of a detector.
    """
    return layer_name.partition("_")[0] in (_CLASSIFIER, DETECTOR)
