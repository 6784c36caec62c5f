"""decision_configs: the rules by which the heads of an artifact decide."""

from collections.abc import Collection, Mapping
from typing import Any

from tsm_live.artifact.spec import ArtifactSpec, TensorSpec
from tsm_live.decision.gestures import DecisionConfig

_CLASSES = ("no_gesture", "ignored")  # The fields that name classes.


def decision_configs(
    spec: ArtifactSpec,
    given: Mapping[str, Any] | None = None,
    heads: Collection[str] = (),
) -> dict[str, DecisionConfig]:
    """Returns a `DecisionConfig` for each head of an artifact, by its name.

    Args:
        spec: The spec of the artifact. It may replace the defaults of
            `DecisionConfig`.
        given: Fields of `DecisionConfig` that the user chose. They replace
            the values of the artifact for every head. A head gets those of the
            named classes that it has.
        heads: The names of the heads that decide; empty for all.

    Raises:
        ValueError: If a number is out of range, or the artifact has no head
            with one of the names.
    """
    chosen = chosen_heads(spec, heads) if heads else spec.heads
    labels = {label for head in chosen for label in head.labels}
    configs = {}
    for head in chosen:
        fields: dict[str, Any] = {
            "no_gesture": head.no_gesture,
            **spec.decision,
        }
        for name, value in (given or {}).items():
            if name in _CLASSES:
                value = own_classes(value, head.labels, labels)
            fields[name] = value
        configs[head.name] = DecisionConfig(**fields)
    return configs


def chosen_heads(
    spec: ArtifactSpec, names: Collection[str]
) -> list[TensorSpec]:
    """Returns the heads with these names, in the order of the artifact.

    Raises:
        ValueError: If the artifact has no head with one of the names.
    """
    known = [head.name for head in spec.heads]
    for name in names:
        if name not in known:
            raise ValueError(
                f"`head` must be one of {known}, the heads of the artifact. "
                f"Received: head={name!r}"
            )
    return [head for head in spec.heads if head.name in names]


def own_classes(
    names: Collection[str], labels: Collection[str], all_labels: Collection[str]
) -> tuple[str, ...]:
    """Returns those of the named classes that a head has.

    Classes that no head has are returned too, so that they are refused.

    Args:
        names: The names of classes of any head.
        labels: The labels of the head.
        all_labels: The labels of all heads.
    """
    return tuple(x for x in names if x in labels or x not in all_labels)
