"""Training on several devices and in several processes."""

import contextlib
import json
import shutil
import socket

import numpy as np
import pytest
import tensorflow as tf

from testing.gestures import write_folder
from testing.training_process import TrainingProcess
from tsm_keras.training.distribute import (
    distributed,
    make_strategy,
    worker_index,
)
from tsm_keras.training.run_folder import RunFolder

EPOCHS = 2
SETTINGS = (
    *("--backbone=resnet18", "--size=32", "--segments=2", "--batch_size=4"),
    *("--optimizer=sgd", "--learning_rate=0.02", f"--epochs={EPOCHS}"),
    # Dropout draws other masks on other devices.
    *("--dropout=0", "--sync_batch_norm", "--data=data"),
)


def _free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [opened.getsockname()[1] for opened in sockets]


def _epochs(run):
    names = ("loss", "top1", "val_loss")
    return np.array(
        [[float(row[name]) for name in names] for row in run.epochs()]
    )


@pytest.mark.slow
@pytest.mark.keras3_only  # The workers start over in tf_keras by themselves.
def test_two_workers_train_as_one_process_and_recover_one_that_is_killed(
    tmp_path,
):
    write_folder(tmp_path / "data" / "train")
    test = write_folder(tmp_path / "data" / "test", clips_per_class=1, seed=50)
    # An odd number: one worker has a batch more to test than the other.
    shutil.copy(test / "push" / "0.mp4", test / "push" / "1.mp4")
    ports = _free_ports(2)

    def start(index):
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        task = {"type": "worker", "index": index}
        return TrainingProcess(
            tmp_path,
            *("--to=two", "--distribute=multi_worker", *SETTINGS),
            TF_CONFIG=json.dumps({"cluster": cluster, "task": task}),
        )

    workers = [start(0), start(1)]
    workers[1].wait_for(lambda: f"Epoch 2/{EPOCHS}" in workers[1].text())
    workers[1].process.kill()
    workers[1].process.wait()
    workers[1] = start(1)
    one = TrainingProcess(
        tmp_path, "--to=one", *SETTINGS, TF_USE_LEGACY_KERAS="1"
    )
    texts = [worker.end() for worker in workers]
    one.end()
    assert "lost another worker" in texts[0] and "going on after" in texts[0]
    assert "wrote the preset" in texts[0] and "wrote" not in texts[1]
    # Normalization's statistics are among these.
    digests = [text.rpartition("has the weights ")[2] for text in texts]
    assert digests[0].split()[0] == digests[1].split()[0]
    found, expected = (
        _epochs(RunFolder(tmp_path / f"{name}.run")) for name in ("two", "one")
    )
    assert found.shape == (EPOCHS, 3)
    # Sums of gradients are taken in another order; steps amplify that.
    np.testing.assert_allclose(found, expected, rtol=2e-3)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "must name the workers"),
        ("{}", "KeyError"),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": '
            '{"type": "worker", "index": 1}}',
            "index must be that of a worker",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": '
            '{"type": "ps", "index": 0}}',
            "type must be worker",
        ),
    ],
)
def test_a_wrong_tf_config_is_refused(monkeypatch, value, message):
    monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(ValueError, match=message):
        worker_index()
    with pytest.raises(ValueError, match="`TF_CONFIG` must"):
        make_strategy("multi_worker")


def test_batches_that_cannot_be_shared_are_refused():
    with pytest.raises(ValueError, match="one of .*Received: distribute='x'"):
        make_strategy("x")

    class TwoDevices:
        num_replicas_in_sync = 2

    with pytest.raises(ValueError, match="multiple of 2.*batch_size=3"):
        distributed(TwoDevices(), 3, tf.data.Dataset.range)
