"""The callbacks of Weights & Biases and of MLflow log a training, offline."""

import importlib
import sys

import numpy as np
import pytest
from tensorflow import keras

from tsm_keras.training.runs.user_callbacks import (
    find_callbacks,
    make_callbacks,
)

pytestmark = [pytest.mark.slow, pytest.mark.keras3_only]


def _train(name):
    (callback,) = make_callbacks(
        find_callbacks([f"tsm_keras.training.loggers:{name}"])
    )
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones([4, 2], np.float32), np.ones([4, 1], np.float32)
    return model.fit(x, y, epochs=3, verbose=0, callbacks=[callback]).history


def test_wandb_writes_a_run_that_can_be_sent_later(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    _train("wandb")
    service = importlib.import_module("wandb")
    service.finish()
    service.teardown()  # Waits until everything is written.
    (run,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert b"epoch/loss" in run.read_bytes()


def test_mlflow_keeps_the_loss_of_each_epoch(tmp_path, monkeypatch):
    # A server or a database is the usual place; a folder needs neither.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    losses = _train("mlflow")["loss"]
    mlflow = importlib.import_module("mlflow")
    run = mlflow.active_run().info.run_id
    mlflow.end_run()
    logged = mlflow.MlflowClient().get_metric_history(run, "loss")
    np.testing.assert_allclose([x.value for x in logged], losses, rtol=1e-6)


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_service_is_installed_by_its_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ValueError, match=rf'install "tsm-keras\[{name}\]"'):
        _train(name)
