"""The search, with a training that returns an accuracy at once."""

import json

import pytest

from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.training.expansion.axes import AXES, VIDEO_RATE
from tsm_keras.training.expansion.candidate import Trained
from tsm_keras.training.expansion.folder import ExpansionFolder
from tsm_keras.training.expansion.search import expand

NETWORK = VideoClassifierConfig(
    num_classes=3,
    backbone="x3d",
    num_segments=4,
    frame_interval=12 / VIDEO_RATE,
    image_size=64,
    depth=1.0,
    bottleneck=1.0,
)


class Product:
    """A cost that is known without building the network."""

    unit = "units"
    streams = False

    def size(self, config):
        return (
            config.clip.num_segments
            * (config.input.image_size / 64) ** 2
            * config.backbone.width**2
            * config.backbone.depth
            * config.backbone.bottleneck
        )

    def cost(self, config, parent):
        return self.size(config)


class Training:
    """Notes the names of what it trains; `best` names each step's winner."""

    def __init__(self, folder, best=("depth", "width"), fails=(), killed=None):
        self.folder, self.best, self.fails = folder, best, fails
        self.killed = killed
        self.trained = []

    def __call__(self, candidates):
        for name, found in candidates.items():
            if len(self.trained) == self.killed:
                raise KeyboardInterrupt
            self.trained.append((found.step, name))
            if name in self.fails:
                yield name, MemoryError("too large")
                continue
            self.folder.preset(found.step, name).mkdir(parents=True)
            wins = name in self.best[max(0, found.step - 1) : found.step]
            yield name, Trained(0.9 if wins else 0.5, 1.0)


def run(path, settings=None, log=lambda line: None, **options):
    folder = ExpansionFolder(path)
    folder.begin(settings or {"epochs": 1})
    training = Training(
        folder,
        **{
            key: options.pop(key)
            for key in ("best", "fails", "killed")
            if key in options
        },
    )
    try:
        steps = expand(
            NETWORK,
            folder,
            training,
            objective=Product(),
            log=log,
            **{"steps": 2, **options},
        )
    except KeyboardInterrupt:
        steps = None
    finally:
        folder.release()
    return steps, training


def test_each_step_trains_all_axes_and_keeps_the_most_accurate(tmp_path):
    steps, training = run(tmp_path / "out")
    assert training.trained == [
        (0, "start"),
        *((step, name) for step in (1, 2) for name in AXES),
    ]
    assert [step.chosen.name for step in steps] == ["start", "depth", "width"]
    chosen = steps[2].chosen.config.backbone
    assert (chosen.depth, chosen.width) == (2.0, 1.4)
    # The presets of the others are removed, and their results are kept.
    found = {path.name for path in (tmp_path / "out/steps/01").iterdir()}
    assert found == {"depth", "step.json", *(f"{name}.json" for name in AXES)}


def test_of_equally_accurate_candidates_the_cheapest_is_kept(tmp_path):
    steps, _ = run(tmp_path / "out", best=("none",), steps=1)
    costs = [found.cost for found in steps[1].candidates]
    assert steps[1].chosen.cost == min(costs) < max(costs)


@pytest.mark.parametrize("killed", [0, 1, 3, 7, 9])
def test_after_a_kill_nothing_is_trained_twice(tmp_path, killed):
    whole, all_at_once = run(tmp_path / "whole")
    stopped, first = run(tmp_path / "out", killed=killed)
    assert stopped is None
    resumed, second = run(tmp_path / "out")
    assert first.trained + second.trained == all_at_once.trained
    assert resumed == whole


def test_more_steps_go_on_from_where_the_search_ended(tmp_path):
    run(tmp_path / "out", steps=1)
    steps, training = run(tmp_path / "out", steps=2)
    assert {step for step, _ in training.trained} == {2}
    assert steps == run(tmp_path / "whole", steps=2)[0]


def test_a_failed_candidate_does_not_lose_the_others(tmp_path):
    lines = []
    steps, _ = run(
        tmp_path / "out", fails=("width",), steps=1, log=lines.append
    )
    assert steps[1].chosen.name == "depth"
    (failed,) = (found for found in steps[1].candidates if found.error)
    assert (failed.name, failed.error) == ("width", "MemoryError: too large")
    assert "step 1: width failed: MemoryError: too large" in lines
    # The step is decided, so that later steps keep their start.
    again, training = run(tmp_path / "out", best=("width",), steps=1)
    assert not training.trained and again == steps


def test_a_failed_candidate_is_tried_again_if_the_step_is_open(tmp_path):
    run(tmp_path / "out", fails=("frame_rate",), killed=3)
    steps, training = run(tmp_path / "out", steps=1)
    assert (1, "frame_rate") in training.trained
    assert (1, "duration") not in training.trained
    assert not [found for found in steps[1].candidates if found.error]


def test_if_all_fail_the_reasons_are_given(tmp_path):
    with pytest.raises(ValueError, match=r"step 1 .*depth: MemoryError"):
        run(tmp_path / "out", fails=tuple(AXES))


def test_the_last_expansion_is_reduced_to_the_budget(tmp_path):
    # The second step widens the channels by 1.4, from a cost of 8 to 15.7.
    steps, training = run(tmp_path / "out", budget=14.0, steps=5)
    assert training.trained[-1] == (3, "contracted")
    assert steps[-1].chosen.config.backbone.width == 1.3
    assert steps[-1].chosen.cost <= 14.0
    again, training = run(tmp_path / "out", budget=14.0, steps=5)
    assert again == steps and not training.trained


def test_without_a_smaller_expansion_the_parent_is_kept(tmp_path):
    steps, _ = run(tmp_path / "out", budget=8.1, steps=5)
    assert steps[-1].chosen == steps[1].chosen


def test_a_budget_below_the_start_is_refused(tmp_path):
    match = r"`budget`.* 4 units.* Received: budget=1.0"
    with pytest.raises(ValueError, match=match):
        run(tmp_path / "out", budget=1.0)


def test_changed_settings_are_refused_by_name(tmp_path):
    run(tmp_path / "out", {"recipe": {"epochs": 1, "seed": 0}}, steps=1)
    match = r"other settings: recipe\.epochs was 1 and is 2\. Use"
    with pytest.raises(ValueError, match=match):
        run(tmp_path / "out", {"recipe": {"epochs": 2, "seed": 0}})


def test_a_folder_with_other_content_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(FileExistsError, match="not the folder of an expansion"):
        run(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "all of it"


def test_a_folder_in_use_is_refused(tmp_path):
    folder = ExpansionFolder(tmp_path / "out")
    folder.begin({})
    with pytest.raises(OSError, match="Another process uses"):
        run(tmp_path / "out", {})
    folder.release()


def test_a_damaged_result_is_refused(tmp_path):
    run(tmp_path / "out", steps=1)
    file = tmp_path / "out/steps/01/depth.json"
    assert json.loads(file.read_text())["top1"] == 0.9
    file.write_text("{")
    with pytest.raises(ValueError, match="depth.json is damaged"):
        run(tmp_path / "out", steps=1)
