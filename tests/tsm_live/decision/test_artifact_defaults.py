import dataclasses

import pytest

from testing.specs import SPEC, TWO_HEADS
from tsm_live.decision.artifact_defaults import decision_configs
from tsm_live.decision.gestures import DecisionConfig
from tsm_live.live.run_live import LiveConfig


def test_the_artifact_says_and_the_rest_is_the_default():
    assert decision_configs(SPEC) == {
        "logits": DecisionConfig(
            average=0.5, start_score=0.7, no_gesture=("push",)
        )
    }


def test_what_somebody_chose_comes_first():
    given = {"average": 2.0, "no_gesture": ("größer <b>",), "ignored": ()}
    assert decision_configs(SPEC, given) == {
        "logits": DecisionConfig(
            average=2.0, start_score=0.7, no_gesture=("größer <b>",)
        )
    }


def test_a_choice_that_does_not_fit_the_artifact_is_refused():
    with pytest.raises(ValueError, match="end_score=0.8, start_score=0.7"):
        decision_configs(SPEC, {"end_score": 0.8})


def test_a_run_without_a_decision_takes_the_artifacts():
    other = dataclasses.replace(SPEC, decision={"average": 0.0})
    chosen = LiveConfig(DecisionConfig(average=0, no_gesture=("push",)))
    for config, spec in ((LiveConfig(), other), (chosen, SPEC)):
        _, decisions = config.stages(spec)
        (decision,) = decisions.heads.values()
        for time in range(3):
            decision.update(time, [0, 9])
            decision.update(time + 0.01, [9, 0])
            # The last frame alone counts, and "push" never starts.
            assert decision.scores[0] > 0.99
            assert decision.gesture != "push"


def test_each_head_has_its_own_classes_without_a_gesture():
    configs = decision_configs(TWO_HEADS)
    assert list(configs) == ["verb", "noun"]
    assert configs["verb"].no_gesture == ("none",)
    assert configs["noun"].no_gesture == ()
    given = {"no_gesture": ["none", "open"], "ignored": ["hand"], "average": 3}
    configs = decision_configs(TWO_HEADS, given)
    assert configs["verb"].no_gesture == ("none", "open")
    assert configs["noun"].no_gesture == ("none",)
    assert configs["verb"].ignored == () and configs["noun"].ignored == (
        "hand",
    )
    assert configs["verb"].average == configs["noun"].average == 3


def test_a_class_that_no_deciding_head_has_is_refused():
    for heads, name in (((), "pull"), (("noun",), "open")):
        decision = decision_configs(TWO_HEADS, {"ignored": [name]}, heads)
        with pytest.raises(ValueError, match=f"Received: '{name}'"):
            LiveConfig(decision).stages(TWO_HEADS)


def test_heads_are_chosen_by_name():
    configs = decision_configs(TWO_HEADS, heads=["noun"])
    assert list(configs) == ["noun"]
    _, decisions = LiveConfig(configs).stages(TWO_HEADS)
    assert decisions.heads["noun"].labels == ("hand", "door", "none")
    for wrong in ({"logits": DecisionConfig()}, {"nou": DecisionConfig()}):
        with pytest.raises(ValueError, match=r"\['verb', 'noun'\].*Received"):
            LiveConfig(wrong).stages(TWO_HEADS)
    with pytest.raises(ValueError, match="Received: head='nuon'"):
        decision_configs(TWO_HEADS, heads=["nuon"])


def test_events_name_the_head_if_there_are_several():
    for config in (
        LiveConfig(DecisionConfig(0, min_duration=0, cooldown=0)),
        LiveConfig({"noun": DecisionConfig(0, min_duration=0, cooldown=0)}),
    ):
        _, decisions = config.stages(TWO_HEADS)
        (event,) = decisions.heads["noun"].update(0, [9, 0, 0])
        assert (event.head, event.label) == ("noun", "hand")
    _, decisions = LiveConfig(DecisionConfig(0, min_duration=0)).stages(SPEC)
    (event,) = decisions.heads["logits"].update(0, [9, 0])
    assert event.head == ""
