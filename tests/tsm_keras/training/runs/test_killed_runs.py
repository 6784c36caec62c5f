"""A run that was interrupted in any way continues and has the same result."""

import signal

import pytest

from testing.gestures import write_folder
from testing.training_process import TrainingProcess
from tsm_keras.models.presets import read_description
from tsm_keras.training.runs.backup import epochs_done
from tsm_keras.training.runs.run_folder import RunFolder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("resnet10"),
    pytest.mark.keras3_only,  # tf_keras' dropout has a state it cannot save.
]

EPOCHS = 4
# The network that is traced fastest, and two steps per epoch.
SETTINGS = (
    *("--backbone=resnet10", "--size=32", "--segments=2", "--batch_size=4"),
    *("--optimizer=sgd", f"--epochs={EPOCHS}", "--ema=0.5", "--dropout=0.3"),
    *("--label_smoothing=0.1", "--crop=multi_scale", "--seed=1"),
)


# A test that watches the process may be too late to kill it.
_KILLED_AFTER_A_BACKUP = """
import os, signal
from tsm_keras.training.runs import backup
on_epoch_end = backup._WholeBackups.on_epoch_end
def and_kill(self, epoch, logs=None):
    on_epoch_end(self, epoch, logs)
    os.kill(os.getpid(), signal.SIGKILL)
backup._WholeBackups.on_epoch_end = and_kill
"""


def test_a_killed_run_has_the_result_of_an_uninterrupted_one(tmp_path):
    write_folder(tmp_path / "data" / "train")
    write_folder(tmp_path / "data" / "test", clips_per_class=1, seed=50)
    common = ("--data=data", *SETTINGS)
    whole = TrainingProcess(tmp_path, "--to=whole", *common)
    run = RunFolder(tmp_path / "killed.run")

    # Killed at once after a backup.
    process = TrainingProcess(
        tmp_path, "--to=killed", *common, before=_KILLED_AFTER_A_BACKUP
    )
    process.end(-signal.SIGKILL)
    assert epochs_done(run.backup) == 1
    assert not (tmp_path / "killed").exists()

    # Signalled in its first epoch, which it ends; nobody else may join in.
    process = TrainingProcess(tmp_path, "--resume=killed.run")
    process.wait_for(lambda: f"Epoch 2/{EPOCHS}" in process.text())
    with pytest.raises(OSError, match=f"process {process.process.pid}"):
        RunFolder(run.path).lock()
    process.process.send_signal(signal.SIGTERM)
    text = process.end(128 + signal.SIGTERM)
    assert "continuing after epoch 1" in text
    assert f"stopped after epoch 2 of {EPOCHS}" in text and "--resume=" in text
    assert epochs_done(run.backup) == 2

    # What a kill in the middle of its writes would leave is not believed.
    (run.backup / ".epoch_00003").mkdir()
    (run.backup / ".epoch_00003" / "latest.weights.h5").write_bytes(b"half")
    with open(run.metrics, "a", encoding="utf-8") as file:
        file.write("2,0.1,1.0,0.1,1.0\n3,0.")
    # The same command goes on too, from another folder as well.
    process = TrainingProcess(tmp_path, "--to=killed", *common)
    assert "wrote the preset killed" in process.end()
    whole.end()

    for preset in ("", ".run/presets/best", ".run/presets/last"):
        one, other = (
            read_description(tmp_path / f"{name}{preset}")
            for name in ("whole", "killed")
        )
        assert one["sha256"] == other["sha256"], preset
        assert one["provenance"] == other["provenance"]
    assert (
        run.metrics.read_text()
        == (tmp_path / "whole.run" / "metrics.csv").read_text()
    )
    assert len(run.epochs()) == EPOCHS
    described = run.read()
    assert described["finished"] and described["seed"] == 1
    assert described["command"].startswith("tsm train --to=killed")
    assert described["versions"]["tensorflow"]
    assert not run.backup.exists()
