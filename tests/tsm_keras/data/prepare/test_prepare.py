"""`prepare` and `plan_dataset`, as called from Python."""

import pytest

import tsm_keras
from testing.plans import TINY, contents, gesture_root, small_plan
from tsm_keras.data.prepare.workers import ingest

pytestmark = pytest.mark.keras3_only  # No Keras is involved.
_PAIRS = (("swipe_left", "swipe_right"),)


def test_prepare_writes_what_the_command_would(tmp_path, capsys):
    seen = []
    dataset = tsm_keras.prepare(
        gesture_root(),
        tmp_path / "dataset",
        images=TINY,
        clips_per_shard=2,
        workers=1,
        progress=lambda *counts: seen.append(counts),
    )
    assert seen == [(done, 8) for done in range(9)]
    assert dataset.flip_pairs == _PAIRS  # Found by name.
    ingest(small_plan(flip_pairs=_PAIRS), tmp_path / "other", workers=1)
    assert contents(tmp_path / "dataset") == contents(tmp_path / "other")
    assert "".join(capsys.readouterr()) == ""


def test_a_plan_writes_nothing_and_takes_the_options_of_make_plan(tmp_path):
    plan = tsm_keras.plan_dataset(
        gesture_root(), flip_pairs=None, limit=6, val_fraction=0.5
    )
    assert plan.flip_pairs is None and plan.num_clips == 6
    assert plan.counts()["val"].total() == 3


def test_a_class_without_a_mirror_image_forbids_mirroring(tmp_path):
    for name in ("turn_left", "wave"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "clip.mp4").write_bytes(b"?")
    (tmp_path / "wave" / "notes.txt").write_text("?")
    plan = tsm_keras.plan_dataset(tmp_path, val_fraction=0, test_fraction=0)
    assert plan.flip_pairs is None and ".txt" in plan.left_out
