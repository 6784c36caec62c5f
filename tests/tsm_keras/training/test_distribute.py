"""Training on several devices and in several processes."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from testing import checkout
from testing.checkout import PACKAGE_ROOTS
from testing.gestures import write_folder
from testing.training_process import TrainingProcess
from tsm_keras.training.distribute import (
    distributed,
    make_strategy,
    worker_index,
)
from tsm_keras.training.runs.run_folder import RunFolder

EPOCHS = 2
SETTINGS = (
    *("--backbone=resnet10", "--size=32", "--segments=2", "--batch_size=4"),
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


# A test that watches the process may be too late to kill it. The first step of
# an epoch needs both workers, so the epoch before is backed up.
_KILLED_IN_THE_SECOND_EPOCH = """
import os, signal
from tsm_keras.training.runs.callbacks import SeedEpochs
begun = []
def kill(self, batch, logs=None):
    if len(begun) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
SeedEpochs.on_epoch_begin = lambda self, epoch, logs=None: begun.append(epoch)
SeedEpochs.on_train_batch_end = kill
"""


@pytest.mark.slow
@pytest.mark.keras3_only  # A worker starts over in tf_keras by itself.
def test_two_workers_train_as_one_process_and_recover_one_that_is_killed(
    tmp_path,
):
    write_folder(tmp_path / "data" / "train")
    test = write_folder(tmp_path / "data" / "test", clips_per_class=1, seed=50)
    # An odd number: one worker has a batch more to test than the other.
    shutil.copy(test / "push" / "0.mp4", test / "push" / "1.mp4")
    ports = _free_ports(2)

    def start(index, **options):
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        task = {"type": "worker", "index": index}
        return TrainingProcess(
            tmp_path,
            *("--to=two", "--distribute=multi_worker", *SETTINGS),
            TF_CONFIG=json.dumps({"cluster": cluster, "task": task}),
            **options,
        )

    # The second worker has tf_keras from the start, which is sooner.
    tf_keras = {"TF_USE_LEGACY_KERAS": "1"}
    killed = start(1, before=_KILLED_IN_THE_SECOND_EPOCH, **tf_keras)
    workers = [start(0), killed]
    killed.end(-signal.SIGKILL)
    workers[1] = start(1, **tf_keras)
    one = TrainingProcess(tmp_path, "--to=one", *SETTINGS, **tf_keras)
    texts = [worker.end() for worker in workers]
    one.end()
    assert "lost another worker" in texts[0] and "continuing after" in texts[0]
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
        ("", "must list all workers"),
        ("{}", "KeyError"),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": '
            '{"type": "worker", "index": 1}}',
            "index of the task must be that of a worker",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": '
            '{"type": "ps", "index": 0}}',
            "type of the task must be worker",
        ),
    ],
)
def test_a_wrong_tf_config_is_refused(monkeypatch, value, message):
    monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(ValueError, match=message):
        worker_index()
    with pytest.raises(ValueError, match="`TF_CONFIG` must"):
        make_strategy("multi_worker")


@pytest.mark.keras3_only  # Devices are split before TensorFlow starts: slow.
@pytest.mark.slow
def test_two_devices_train_and_test_as_one(tmp_path):
    """The number of test clips is odd; statistics are over both devices."""
    code = """
import sys
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [half, half])
from tensorflow import keras
from testing.models import randomize, small_config
from testing.short_resnet import add_resnet10
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.weights import copy_weights
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.distribute import distributed, distributed_test
from tsm_keras.training.fit import fit
from tsm_keras.training.optimization.optimizer import (
    PerVariable, PerVariableAdamW
)

add_resnet10()
config = small_config("resnet10", num_segments=2, dropout=0.0)
rng = np.random.default_rng(0)
clips = rng.integers(0, 256, (13, 2, 32, 32, 3), np.uint8)
data = tf.data.Dataset.from_tensor_slices((clips, np.arange(13) % 7))
train = lambda batch_size, **_: data.take(8).batch(batch_size)
test = lambda batch_size, **_: data.skip(8).batch(batch_size)
start = build_clip_model(config)
randomize(start, seed=0)
settings = TrainingConfig(
    epochs=2, learning_rate=0.01, optimizer="sgd", batch_size=4,
    sync_batch_norm=True, classifier_rate=5.0, weight_decay=1e-2, clip_norm=9,
)
found = []
strategies = (
    tf.distribute.get_strategy(),
    tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
)
for strategy in strategies:
    with strategy.scope():
        model = build_clip_model(config)
        copy_weights(start, model)
    tested, steps = distributed_test(strategy, 4, test)
    history = fit(
        model, distributed(strategy, 4, train), settings, verbose=0,
        validation_data=tested, validation_steps=steps,
    ).history
    found.append((history, model.get_weights()))
(one, weights), (two, others) = found
for name in one:
    np.testing.assert_allclose(one[name], two[name], rtol=2e-3, err_msg=name)
for a, b in zip(weights, others):
    np.testing.assert_allclose(a, b, rtol=0.02, atol=0.02)

# Steps of AdamW have the rates of their variables on all devices.
ends = []
for strategy in strategies:
    devices = strategy.num_replicas_in_sync
    with strategy.scope():
        kernel, bias = tf.Variable([[1.0, 2.0]]), tf.Variable([3.0, 4.0])
        optimizer = PerVariableAdamW(
            0.1, variables=[kernel, bias],
            rules=[PerVariable(5.0, 0.1, first_step=1), PerVariable(2.0)],
            global_clipnorm=1.0,
        )
        optimizer.build([kernel, bias])
    gradients = [tf.constant([[6.0, 8.0]]), tf.constant([1.0, -2.0])]
    step = lambda: optimizer.apply_gradients(
        [(x / devices, y) for x, y in zip(gradients, (kernel, bias))]
    )
    for _ in range(3):
        tf.function(strategy.run)(step)
    ends.append([kernel.numpy(), bias.numpy()])
for a, b in zip(*ends):
    np.testing.assert_allclose(a, b, rtol=1e-6)
assert (ends[0][0] < [[0.1, 1.1]]).all()
"""
    path = os.pathsep.join(
        [*map(str, PACKAGE_ROOTS.values()), str(checkout.ROOT / "tests")]
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def test_batches_that_cannot_be_shared_are_refused():
    with pytest.raises(ValueError, match="one of .*Received: distribute='x'"):
        make_strategy("x")

    class TwoDevices:
        num_replicas_in_sync = 2

    with pytest.raises(ValueError, match="multiple of 2.*batch_size=3"):
        distributed(TwoDevices(), 3, tf.data.Dataset.range)
