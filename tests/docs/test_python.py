"""The functions that docs/python.md shows work in the order of the page."""

import re

import pytest

import tsm_export
import tsm_keras
from testing.checkout import ROOT
from tsm_export.verify import checks as checks_module

DOCUMENT = (ROOT / "docs/python.md").read_text("utf-8")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Returns the variables of the page, and what its functions printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("python"))
        # Software Vulkan takes long, and test_checks.py covers it.
        patch.setattr(checks_module, "gpu_environment", lambda: None)
        namespace = {}
        for block in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL):
            exec(compile(block, "python.md", "exec"), namespace)
    return namespace


@pytest.mark.slow
def test_prepare_writes_the_clips_of_the_plan(ran):
    splits = {
        name: split.clips for name, split in ran["dataset"].splits.items()
    }
    counts = ran["plan"].counts()
    assert splits == {name: counts[name].total() for name in splits}
    assert sum(splits.values()) == 12 and ran["dataset"].rejected == 0


@pytest.mark.slow
def test_training_ends_with_a_model_and_a_run_folder(ran):
    run = tsm_keras.RunFolder("runs/gestures")
    assert ran["finished"].complete and ran["finished"].epochs == 1
    assert run.path.name == "gestures"
    assert 0 <= ran["finished"].provenance["val_top1"] <= 1
    assert ran["finished"].provenance["data"] == ran["dataset"].name


@pytest.mark.slow
def test_evaluation_has_a_prediction_for_each_test_clip(ran):
    clips = ran["dataset"].split("test").clips
    predictions = ran["predictions"]
    assert predictions.frame_logits.shape == (clips, 4, 12)
    assert len(set(predictions.clip_names)) == clips
    assert ran["metrics"].top1 == predictions.top1()


@pytest.mark.slow
def test_a_prediction_has_the_best_classes_of_each_video(ran):
    assert len(ran["found"]) == 12
    assert all(len(video.top(3)[""]) == 3 for video in ran["found"])


@pytest.mark.slow
def test_the_artifact_passes_every_check(ran):
    failed = [check for check in ran["checks"] if check.passed is False]
    assert len(ran["checks"]) == 7 and not failed


@pytest.mark.parametrize("package", [tsm_keras, tsm_export])
def test_every_public_name_exists_and_is_documented(package):
    for name in package.__all__:
        value = getattr(package, name)
        assert name == "__version__" or value.__doc__
    assert set(dir(package)) == set(package.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018


def test_every_function_of_the_table_is_public():
    table = DOCUMENT.partition("## Data")[0]
    found = re.findall(r"`(tsm_\w+)\.(\w+)`", table)
    packages = {"tsm_keras": tsm_keras, "tsm_export": tsm_export}
    assert len(found) > 8
    assert all(name in packages[package].__all__ for package, name in found)
