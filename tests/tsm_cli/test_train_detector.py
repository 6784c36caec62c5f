"""`tsm train` on a data set with boxes learns, and goes on after a stop."""

import json
import pathlib

import pytest

from testing.boxed_videos import shared_boxed
from tsm_cli.evaluate import command as evaluate
from tsm_keras.command_flags import parse
from tsm_keras.models.presets import read_description
from tsm_keras.training import command
from tsm_keras.training.runs import backup
from tsm_keras.training.runs.run_folder import RunFolder

pytestmark = [
    pytest.mark.keras3_only,
    pytest.mark.slow,
    pytest.mark.usefixtures("resnet10"),
]

_SETTINGS = (
    *("--recipe=vid_detection", "--backbone=resnet10", "--size=32"),
    *("--segments=4", "--stride=4", "--pyramid_channels=32", "--epochs=6"),
    *("--batch_size=4", "--learning_rate=0.005", "--ema=0.8", "--seed=1"),
)


class _StopError(Exception):
    """Ends a run as an error would, after a backup."""


def _train(preset):
    data = f"--data={shared_boxed().folder}"
    arguments = (data, f"--to={preset}", *_SETTINGS)
    command.main(parse(command.FLAGS, "tsm train", arguments))


def test_a_detector_learns_and_a_stopped_run_has_the_same_result(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    whole = RunFolder(tmp_path / "whole.run")
    stopped = RunFolder(tmp_path / "stopped.run")
    _train("whole")

    on_epoch_end = backup._WholeBackups.on_epoch_end

    def stop(self, epoch, logs=None):
        on_epoch_end(self, epoch, logs)
        if epoch == 1:
            raise _StopError

    with monkeypatch.context() as changed, pytest.raises(_StopError):
        changed.setattr(backup._WholeBackups, "on_epoch_end", stop)
        _train("stopped")
    assert backup.epochs_done(stopped.backup) == 2
    _train("stopped")
    assert stopped.metrics.read_text() == whole.metrics.read_text()
    for preset in ("", ".run/presets/best", ".run/presets/last"):
        one, other = (
            read_description(tmp_path / f"{name}{preset}")
            for name in ("whole", "stopped")
        )
        assert one["sha256"] == other["sha256"], preset

    losses = [float(row["loss"]) for row in whole.epochs()]
    assert losses[-1] < 0.75 * losses[0]
    data = f"--data={shared_boxed().folder}"
    arguments = ("whole", data, "--split=train", "--to=report")
    evaluate.main(parse(evaluate.FLAGS, "tsm evaluate", arguments))
    metrics = json.loads(pathlib.Path("report/metrics.json").read_text())
    assert metrics["results"]["clips"]["ap50"] > 0.05
