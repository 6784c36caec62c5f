"""decision_config: the `DecisionConfig` that an artifact carries."""

from collections.abc import Mapping
from typing import Any

from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.decision.gestures import DecisionConfig


def decision_config(
    spec: ArtifactSpec, given: Mapping[str, Any] | None = None
) -> DecisionConfig:
    """Returns the `DecisionConfig` for an artifact.

    Args:
        spec: The spec of the artifact. It may replace the defaults of
            `DecisionConfig`.
        given: Fields of `DecisionConfig` that the user chose. They replace
            the values of the artifact.

    Raises:
        ValueError: If a number is out of range.
    """
    own = {"no_gesture": spec.logits.no_gesture, **spec.decision}
    return DecisionConfig(**{**own, **(given or {})})
