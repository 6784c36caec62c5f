"""decision_config: when gestures start and end, as an artifact says."""

from collections.abc import Mapping
from typing import Any

from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.decision.gestures import DecisionConfig


def decision_config(
    spec: ArtifactSpec, given: Mapping[str, Any] | None = None
) -> DecisionConfig:
    """Returns the decision that an artifact was exported with.

    Args:
        spec: The spec of the artifact. What it leaves open has the default of
            `DecisionConfig`.
        given: Fields of `DecisionConfig` that somebody chose instead.

    Raises:
        ValueError: If a number is out of its range.
    """
    own = {"no_gesture": spec.logits.no_gesture, **spec.decision}
    return DecisionConfig(**{**own, **(given or {})})
