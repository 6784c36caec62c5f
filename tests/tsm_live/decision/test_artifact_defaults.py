import dataclasses

import pytest

from testing.specs import SPEC
from tsm_live.artifact.spec import ArtifactError
from tsm_live.decision.artifact_defaults import decision_config
from tsm_live.decision.gestures import DecisionConfig
from tsm_live.live.run_live import LiveConfig


def test_the_artifact_says_and_the_rest_is_the_default():
    assert decision_config(SPEC) == DecisionConfig(
        average=0.5, start_score=0.7, no_gesture=("push",)
    )


def test_what_somebody_chose_comes_first():
    given = {"average": 2.0, "no_gesture": ("größer <b>",), "ignored": ()}
    assert decision_config(SPEC, given) == DecisionConfig(
        average=2.0, start_score=0.7, no_gesture=("größer <b>",)
    )


def test_a_choice_that_does_not_fit_the_artifact_is_refused():
    with pytest.raises(ValueError, match="end_score=0.8, start_score=0.7"):
        decision_config(SPEC, {"end_score": 0.8})


def test_a_run_without_a_decision_takes_the_artifacts():
    other = dataclasses.replace(SPEC, decision={"average": 0.0})
    chosen = LiveConfig(DecisionConfig(average=0, no_gesture=("push",)))
    for config, spec in ((LiveConfig(), other), (chosen, SPEC)):
        _, decision = config.stages(spec)
        for time in range(3):
            decision.update(time, [0, 9])
            decision.update(time + 0.01, [9, 0])
            # The last frame alone counts, and "push" never starts.
            assert decision.scores[0] > 0.99
            assert decision.gesture != "push"


def test_an_artifact_without_one_head_is_refused():
    boxes = dataclasses.replace(SPEC.outputs[0], name="b", role="boxes")
    spec = dataclasses.replace(
        SPEC, task="detection", outputs=(boxes, *SPEC.outputs[1:])
    )
    with pytest.raises(ArtifactError, match="one classification"):
        decision_config(spec)
