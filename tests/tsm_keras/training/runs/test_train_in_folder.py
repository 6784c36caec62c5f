"""A short training in this process, and the content of its run folder."""

import dataclasses
import json
import multiprocessing
import re

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from testing.checkout import ROOT
from testing.gestures import LABELS
from testing.models import small_config
from tsm_keras.command_flags import parse
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.config import HeadConfig, VideoClassifierConfig
from tsm_keras.models.flow import flow_config
from tsm_keras.models.presets import load_preset
from tsm_keras.training import command
from tsm_keras.training.config import TrainingConfig
from tsm_keras.training.fit import early_stopping, fit
from tsm_keras.training.objectives.classification import monitored
from tsm_keras.training.recipes import RECIPES
from tsm_keras.training.runs import composition
from tsm_keras.training.runs.callbacks import harmless
from tsm_keras.training.runs.composition import run_callbacks
from tsm_keras.training.runs.run_folder import RunFolder
from tsm_keras.training.runs.train_in_folder import (
    has_stopped,
    train_in_folder,
)

pytestmark = pytest.mark.usefixtures("resnet10")

CONFIG = TrainingConfig(
    epochs=2,
    batch_size=4,
    optimizer="sgd",
    learning_rate=0.01,
    batch_norm="partial",
    patience=5,
    precision="float32",
)


def _model():
    return build_clip_model(
        small_config("resnet10", num_segments=2, num_classes=4, labels=LABELS)
    )


def _clips(count):
    rng = np.random.default_rng(0)
    clips = rng.integers(0, 256, (count, 2, 32, 32, 3)).astype(np.float32)
    labels = np.arange(count, dtype=np.int64) % 4
    return tf.data.Dataset.from_tensor_slices((clips, labels))


def _make_training(batch_size, epochs=(0,), **_):
    return (
        _clips(8)
        .batch(batch_size)
        .repeat(len(epochs))
        .apply(
            tf.data.experimental.assert_cardinality(
                8 // batch_size * len(epochs)
            )
        )
    )


def _make_validation(batch_size, **_):
    return _clips(6).batch(batch_size)


@pytest.fixture(scope="module")
def finished(resnet10, tmp_path_factory):
    run = RunFolder(tmp_path_factory.mktemp("runs") / "run")
    run.describe(flags=[])
    result = train_in_folder(
        run,
        _model(),
        CONFIG,
        _make_training,
        _make_validation,
        provenance={"data": "random"},
    )
    return run, result


@pytest.mark.slow
def test_a_run_leaves_metrics_and_presets(finished):
    run, result = finished
    assert result.complete and result.epochs == 2 and not result.signal
    rows = run.epochs()
    assert [row["epoch"] for row in rows] == ["0", "1"]
    best = max(range(2), key=lambda epoch: float(rows[epoch]["val_top1"]))
    description = json.loads((run.preset("best") / "config.json").read_text())
    assert description["provenance"]["epoch"] == best + 1
    assert description["provenance"]["data"] == "random"
    assert result.provenance == description["provenance"]
    np.testing.assert_array_equal(
        result.model.get_layer("classifier").get_weights()[0],
        load_preset(run.preset("best"))
        .get_layer("classifier")
        .get_weights()[0],
    )


@pytest.mark.slow
def test_tensorboard_gets_scalars_the_graph_and_clips(finished):
    pytest.importorskip("tensorboard")
    run, _ = finished
    found = set()
    for path in run.tensorboard.rglob("*.v2"):
        for record in tf.compat.v1.train.summary_iterator(str(path)):
            if record.HasField("graph_def"):
                found.add("graph")
            for value in record.summary.value:
                found.add(value.tag)
                if value.tag.startswith("clips"):
                    width, _, *pictures = value.tensor.string_val
                    assert int(width) == 2 * 32 and len(pictures) == 4
                    picture = tf.io.decode_png(pictures[0]).numpy()
                    assert picture.shape == (20 + 32, 2 * 32, 3)
                    assert picture[:20].max() > 200  # The title,
                    frames = next(iter(_clips(1)))[0].numpy()  # the frames.
                    np.testing.assert_array_equal(
                        picture[20:], np.concatenate(list(frames), axis=1)
                    )
    assert {"epoch_loss", "epoch_top1", "clips", "graph"} <= found


class _Drawing(keras.callbacks.Callback):
    epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        _Drawing.epochs += 1
        raise OSError("the disk is full")


def test_a_failing_tensorboard_callback_does_not_end_a_run(capsys):
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(
        np.ones((2, 3)),
        np.ones((2, 1)),
        epochs=3,
        verbose=0,
        callbacks=[harmless(_Drawing())],
    )
    assert len(history.epoch) == 3
    assert _Drawing.epochs == 1
    assert "training continues: OSError('the disk is full')" in (
        capsys.readouterr().out
    )


def test_the_backup_comes_before_tensorboard_callbacks(tmp_path):
    pytest.importorskip("tensorboard")
    found = run_callbacks(
        RunFolder(tmp_path / "run"),
        CONFIG,
        epochs_done=0,
        provenance={},
        network=VideoClassifierConfig(num_classes=4),
    )
    kinds = [type(callback).__name__ for callback in found]
    backup = next(i for i, kind in enumerate(kinds) if "Backup" in kind)
    assert kinds[backup + 1 :] == ["TensorBoard"]
    assert {"CSVLogger", "SavePresets"} <= {*kinds[:backup]}


@pytest.mark.slow
def test_flow_is_not_drawn_for_tensorboard(tmp_path):
    """A clip of ten channels cannot be shown as pictures."""
    pytest.importorskip("tensorboard")
    config = flow_config(
        small_config("resnet10", num_segments=2, labels=LABELS, num_classes=4)
    )

    def clips(batch_size, epochs=(0,), **_):
        flow = np.random.default_rng(0).integers(0, 256, (4, 2, 32, 32, 10))
        data = tf.data.Dataset.from_tensor_slices(
            (flow.astype(np.uint8), np.arange(4, dtype=np.int64))
        )
        return data.batch(batch_size).repeat(len(epochs))

    run = RunFolder(tmp_path / "run")
    run.describe(flags=[])
    result = train_in_folder(
        run,
        build_clip_model(config),
        dataclasses.replace(CONFIG, batch_norm="train"),
        clips,
        clips,
        provenance={},
    )
    assert result.complete and result.epochs == 2


@pytest.mark.slow
def test_a_finished_run_has_nothing_to_train(finished):
    run, result = finished
    again = train_in_folder(
        run,
        _model(),
        CONFIG,
        _make_training,
        _make_validation,
        provenance={},
    )
    assert again.complete and again.provenance == result.provenance
    run.finish()
    assert not run.backup.exists() and run.read()["finished"]


@pytest.mark.slow
def test_a_loss_that_is_not_finite_is_an_error_and_saves_nothing(tmp_path):
    run = RunFolder(tmp_path / "run")
    run.describe(flags=[])
    with pytest.raises(ValueError, match=r"not finite.*lower.*loss=nan"):
        train_in_folder(
            run,
            _model(),
            dataclasses.replace(CONFIG, learning_rate=1e30),
            _make_training,
            _make_validation,
            provenance={},
        )
    assert not run.backup.exists() and not run.preset("last").exists()


def test_early_stopping_counts_the_epochs_before_a_resume():
    values = [0.1, 0.5, 0.4, 0.5, 0.3]
    whole, resumed = (
        early_stopping(TrainingConfig(patience=3), past)
        for past in ([], values[:3])
    )
    for callback in (whole, resumed):
        callback.set_model(_Stoppable())
        callback.on_train_begin()
    for epoch, value in enumerate(values):
        whole.on_epoch_end(epoch, {"val_top1": value})
        assert whole.model.stop_training == has_stopped(values[: epoch + 1], 3)
    for epoch, value in enumerate(values[3:], start=3):
        resumed.on_epoch_end(epoch, {"val_top1": value})
    assert resumed.model.stop_training and whole.model.stop_training
    assert not has_stopped([], 3) and not has_stopped(values, 0)


class _Stoppable:
    stop_training = False


def test_the_lowest_loss_is_the_best():
    losses = [0.5, 0.2, 0.3, 0.2, 0.4]
    monitor = monitored([HeadConfig(4)], "loss")
    assert monitor == ("val_loss", -1)
    assert monitor.best(losses) == 0.2 and monitor.best([]) == np.inf
    callback = early_stopping(TrainingConfig(patience=3), monitor=monitor)
    callback.set_model(_Stoppable())
    callback.on_train_begin()
    for epoch, value in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": value})
        assert callback.model.stop_training == has_stopped(
            losses[: epoch + 1], 3, monitor
        )


@pytest.mark.slow
@pytest.mark.parametrize("best_by", ["mean_class_accuracy", "loss"])
def test_the_best_preset_is_that_of_the_chosen_metric(tmp_path, best_by):
    config = dataclasses.replace(
        CONFIG, best_by=best_by, epochs=3, learning_rate=0.2
    )
    run = RunFolder(tmp_path / "run")
    run.describe(flags=[])
    result = train_in_folder(
        run, _model(), config, _make_training, _make_validation
    )
    values = [float(row[f"val_{best_by}"]) for row in run.epochs()]
    best = int(np.argmin(values) if best_by == "loss" else np.argmax(values))
    assert result.provenance["epoch"] == best + 1
    assert result.provenance[f"val_{best_by}"] == pytest.approx(values[best])
    if best_by == "loss":
        return
    labels = np.concatenate([x for _, x in _make_validation(6)])
    logits = result.model.predict(_make_validation(6), verbose=0)
    right = logits.argmax(axis=1) == labels
    recalls = [right[labels == label].mean() for label in range(4)]
    assert np.mean(recalls) == pytest.approx(values[best])


def test_a_folder_has_one_owner(tmp_path):
    run = RunFolder(tmp_path)
    run.lock()
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        assert "Another process trains" in pool.apply(_lock, [tmp_path])
        run.unlock()
        assert pool.apply(_lock, [tmp_path]) == "locked"


def _lock(path):
    try:
        RunFolder(path).lock()
    except OSError as error:
        return str(error)
    return "locked"


def test_damaged_descriptions_and_strange_folders_are_refused(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(FileNotFoundError, match="not the folder of a run"):
        run.read()
    (tmp_path / "run.json").write_text('{"flags": 3}')
    with pytest.raises(ValueError, match="is damaged"):
        run.read()
    strange = RunFolder(tmp_path / "strange")
    strange.path.mkdir()
    (strange.path / "thesis.txt").write_text("")
    with pytest.raises(FileExistsError, match="not the folder of a run"):
        strange.remove()
    assert (strange.path / "thesis.txt").exists()


def test_metrics_after_the_last_backup_are_cut_off(tmp_path):
    run = RunFolder(tmp_path)
    assert run.keep_epochs(3) == []
    text = "epoch,loss\n0,0.1\n1,0.2\n"
    for rest in ("", "2,0.3\n", "2,0.3\n3,", "2"):
        run.metrics.write_text(text + rest)
        assert [row["loss"] for row in run.keep_epochs(2)] == ["0.1", "0.2"]
        assert run.metrics.read_text() == text


def test_the_commands_of_the_docs_are_understood():
    text = (ROOT / "docs/training.md").read_text("utf-8").replace("\\\n", "")
    commands = re.findall(r"tsm train (--(?!help)[^`\n#|]*)", text)
    assert len(commands) >= 5
    for line in commands:
        assert parse(command.FLAGS, "tsm train", line.split()) == []
    assert {*re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)} >= {*RECIPES}
    for flag in re.findall(r"`--(\w+)", text):
        known = flag.removeprefix("no") if flag == "nodeterministic" else flag
        assert known in command.FLAGS or known in ("requeue",)


@pytest.mark.slow
def test_fit_runs_in_mixed_precision_with_all_that_a_recipe_can_set():
    from tensorflow import keras

    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = _model()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    config = TrainingConfig(
        epochs=2,
        optimizer="sgd",
        learning_rate=0.01,
        label_smoothing=0.1,
        clip_norm=1.0,
        classifier_rate=5.0,
        frozen_stages=2,
        frozen_epochs=1,
        schedule="step",
        step_epochs=(1,),
        precision="mixed_bfloat16",
    )
    before = model.get_layer("stem_conv").get_weights()[0]
    history = fit(model, _clips(8).batch(4), config, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    weight = model.get_layer("stem_conv").get_weights()[0]
    assert weight.dtype == np.float32 and not np.array_equal(weight, before)


def test_tensorboard_shows_a_clip_of_each_of_several_classes():
    """Clips are stored class by class, so the first ones are all of one."""
    labels = np.repeat(np.arange(6), 20)
    clips = np.arange(120, dtype=np.float32)[:, None]
    data = tf.data.Dataset.from_tensor_slices((clips, labels)).batch(1)
    shown = composition._one_per_class(data)
    assert [int(label) for _, label in shown] == [0, 1, 2, 3]
    assert [int(clip[0]) for clip, _ in shown] == [0, 20, 40, 60]
