"""open_decision: opens the decision for the task of an artifact."""

from collections.abc import Mapping

from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.decision.decision import Decision
from tsm_live.decision.gestures import DecisionConfig
from tsm_live.decision.head_decisions import HeadDecisions
from tsm_live.decision.object_decision import ObjectDecision
from tsm_live.detection.tracks import TrackConfig

# The rules of a decision: of a detector, or of the heads of a classification.
Rules = TrackConfig | DecisionConfig | Mapping[str, DecisionConfig]


def open_decision(spec: ArtifactSpec, rules: Rules | None = None) -> Decision:
    """Opens the decision for one source.

    Args:
        spec: The spec of the artifact.
        rules: The rules of the decision; None for those of the artifact.

    Raises:
        ValueError: If the rules are those of another task, or name an unknown
            class or head.
    """
    is_detector = spec.detection is not None
    if rules is not None and isinstance(rules, TrackConfig) != is_detector:
        raise ValueError(
            f"`decision` must fit the task {spec.task!r}: a `TrackConfig` for "
            f"a detection, a `DecisionConfig` otherwise. Received: {rules}"
        )
    if is_detector:
        return ObjectDecision(spec, rules)  # type: ignore[arg-type]
    return HeadDecisions(spec, rules)  # type: ignore[arg-type]
