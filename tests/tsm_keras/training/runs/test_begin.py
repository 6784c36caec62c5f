"""`tsm train` as a user starts it: it refuses, replaces or continues runs.

Commands that are killed, or that choose their Keras, run in processes of their
own. The network and the data are tiny.
"""

import json
import os
import signal
import subprocess
import sys

import pytest

from testing.checkout import PACKAGE_ROOTS, ROOT
from testing.command_line import refused, tsm_here
from testing.gestures import write_folder
from testing.short_resnet import ADD
from testing.training_process import TrainingProcess
from tsm_keras.data.pipeline.dataset import make_dataset
from tsm_keras.data.readers.probed_videos import CACHE_FILE
from tsm_keras.keras_version import KERAS_3
from tsm_keras.models.presets import (
    load_preset,
    preset_hash,
    read_description,
    save_preset,
)
from tsm_keras.training.runs.backup import epochs_done
from tsm_keras.training.runs.run_folder import RunFolder
from tsm_keras.training.runs.train_in_folder import clip_accuracies

pytestmark = pytest.mark.slow

SETTINGS = (
    # The network that is traced fastest.
    *("--data=data", "--backbone=resnet10", "--size=32", "--segments=2"),
    *("--batch_size=4", "--shift=causal", "--epochs=2"),
)


@pytest.fixture(scope="module")
def work(resnet10, tmp_path_factory):
    """A folder with data, a preset `old/a` and its run."""
    folder = tmp_path_factory.mktemp("work")
    for split in ("train", "test"):
        write_folder(folder / "data" / split, clips_per_class=1)
    tsm_here("train", "--to=old/a", *SETTINGS, cwd=folder)
    return folder


def _copy(work, folder):
    """Copies the folder for one test and returns the copy."""
    subprocess.run(["cp", "-r", work / "old", work / "data", folder])
    return folder


def _contents(folder):
    """Returns the content of all files except locks and findings on videos."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
        if not path.name.startswith("lock") and path.name != CACHE_FILE
    }


LATE = [
    ("--frozen_stages=99", "`frozen_stages` must be at most 5"),
    *(
        ()
        if KERAS_3
        else (
            ("--ema=0.9", "`ema` must be 0.0 in tf_keras"),
            ("--accumulate=2", "`accumulate` must be 1 in tf_keras"),
        )
    ),
]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("--epochs=0", "`epochs`"),
        ("--seed=4294967296", "`seed` must be in 0..4294967295"),
        ("--data=nowhere", "nowhere does not exist"),
        ("--init=nowhere", "nowhere"),
        ("--to=s3://bucket/preset", "mount the bucket"),
        ("--run=gs://bucket/run", "mount the bucket"),
        *LATE,
    ],
)
def test_a_refused_setting_costs_nothing(work, tmp_path, setting, message):
    """The run to be replaced is kept, and no new run is begun."""
    _copy(work, tmp_path)
    before = _contents(tmp_path)
    settings = (*SETTINGS, setting)
    line = refused(
        "train", "--to=old/a", *settings, "--overwrite", cwd=tmp_path
    )
    assert message in line
    assert _contents(tmp_path) == before


@pytest.mark.keras3_only  # The process uses tf_keras.
def test_settings_that_exclude_quantization_are_refused_early(work, tmp_path):
    _copy(work, tmp_path)
    before = _contents(tmp_path)
    # One process that tries all, because each would import TensorFlow anew.
    code = """
import os, sys
os.environ["TF_USE_LEGACY_KERAS"] = "1"
from testing.command_line import refused
for setting in ("--frozen_stages=1", "--batch_norm=partial", "--ema=0.9"):
    print(refused(*sys.argv[1:], setting))
sys.exit()
"""
    qat = ("--to=new", "--data=data", "--qat", "--init=old/a")
    process = _start(tmp_path, code, *qat)
    output, error = process.communicate()
    assert process.returncode == 0, error
    for line, message in zip(
        output.splitlines(),
        (
            "`frozen_stages` must be 0 in quantization",
            "`batch_norm` must be 'train' in quant",
            "`ema` must be 0.0 in tf_keras",
        ),
        strict=True,
    ):
        assert message in line
    assert _contents(tmp_path) == before


def test_a_batch_that_two_devices_cannot_share_is_refused_early(work, tmp_path):
    _copy(work, tmp_path)
    before = _contents(tmp_path)
    code = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
half = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [half, half])
from tsm_keras.training import command
command.make_strategy = (
    lambda name: tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
)
"""
    process = _start(tmp_path, code, "--to=new", *SETTINGS, "--batch_size=3")
    _, error = process.communicate()
    assert process.returncode == 1
    assert "`batch_size` must be a multiple of 2" in error
    assert _contents(tmp_path) == before


def _start(work, code, *arguments):
    """Starts `tsm train` after some code."""
    return subprocess.Popen(
        [
            *(sys.executable, "-u", "-c"),
            f"{ADD}{code}\nfrom tsm_cli.main import run; run()",
            *("train", *arguments),
        ],
        cwd=work,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                map(str, (*PACKAGE_ROOTS.values(), ROOT / "tests"))
            ),
        },
    )


def test_an_interrupted_replacement_goes_on_and_replaces(work, tmp_path):
    """The printed command, without --overwrite, is sufficient."""
    _copy(work, tmp_path)
    target, run = tmp_path / "old" / "a", RunFolder(tmp_path / "old" / "a.run")
    old = preset_hash(target)
    settings = ("--to=old/a", *SETTINGS, "--seed=1", "--overwrite")
    # Killed before there is any backup ...
    process = TrainingProcess(tmp_path, *settings)
    process.wait_for(lambda: "Epoch 1/2" in process.text())
    process.process.kill()
    process.end(-signal.SIGKILL)
    assert not epochs_done(run.backup) and "finished" not in run.read()
    assert preset_hash(target) == old
    # ... then asked to stop, in another folder.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    process = TrainingProcess(elsewhere, f"--resume={run.path}")
    process.wait_for(lambda: "Epoch 1/2" in process.text())
    process.process.terminate()
    text = process.end(128 + signal.SIGTERM)
    assert f"tsm train --resume={run.path}" in text
    assert preset_hash(target) == old
    process = TrainingProcess(elsewhere, f"--resume={run.path}")
    assert "continuing after epoch 1 of 2" in process.end()
    assert preset_hash(target) != old
    assert read_description(target)["provenance"]["recipe"]["seed"] == 1
    assert not list(elsewhere.glob("[!0-9]*"))  # Its output alone.
    # That consent was for one preset. Done is done.
    before = _contents(tmp_path)
    resume = f"--resume={run.path}"
    for arguments in ([resume], [resume, "--overwrite"]):
        line = refused("train", *arguments, cwd=tmp_path)
        assert f"The run {run.path} is finished: its preset is {target}" in line
    assert _contents(tmp_path) == before


def test_a_finished_run_is_not_resumed_wherever_its_preset_went(work, tmp_path):
    _copy(work, tmp_path)
    # What it says of the place is where it was begun.
    (tmp_path / "old" / "a").rename(tmp_path / "moved")
    flags = json.loads((tmp_path / "old/a.run/run.json").read_text())["flags"]
    RunFolder(tmp_path / "old/a.run").note(
        flags=[x for x in flags if not x.startswith("--to=")]
        + [f"--to={tmp_path}/old/a"]
    )
    before = _contents(tmp_path)
    for more in ([], ["--overwrite"]):
        line = refused("train", "--resume=old/a.run", *more, cwd=tmp_path)
        assert "The run old/a.run is finished" in line
        assert f"{tmp_path}/old/a, which is gone" in line
        assert "old/a.run/presets" in line
    assert _contents(tmp_path) == before


def test_it_says_what_comes_from_the_start_and_what_is_left_out(work, tmp_path):
    _copy(work, tmp_path)
    start = load_preset(tmp_path / "old" / "a")
    start.activation_ranges = {"pool": (0.0, 6.0)}
    save_preset(start, tmp_path / "old" / "a", overwrite=True)
    settings = ("--data=data", "--init=old/a", "--batch_size=3", "--epochs=1")
    text = tsm_here("train", "--to=new", *settings, cwd=tmp_path)
    assert "warning: old/a was trained quantization-aware. Its ranges" in text
    assert "activation_ranges" not in read_description(tmp_path / "new")
    network = "network: resnet10, shift causal, 2 segments, 32 pixels"
    assert f"start: old/a\n  {network}\n" in text
    assert "each epoch leaves out 1 of 4 clips, different ones" in text
    start = json.loads((tmp_path / "new.run/run.json").read_text())["start"]
    assert start[1].strip() == network


# The real process ends where only luck would hit it.
KILLED = """
import os, signal
from tsm_keras.training.runs.train_in_folder import clip_accuracies
from tsm_keras.training.runs.run_folder import RunFolder
RunFolder.finish = lambda self: os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_killed_after_its_preset_was_written_is_finished_later(
    work, tmp_path
):
    _copy(work, tmp_path)
    process = _start(tmp_path, KILLED, "--to=new", *SETTINGS, "--epochs=1")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    target, run = tmp_path / "new", RunFolder(tmp_path / "new.run")
    written = read_description(target)
    assert "finished" not in run.read()
    # What another one put there meanwhile is not its own.
    target.rename(tmp_path / "kept")
    subprocess.run(["cp", "-r", "old/a", "new"], cwd=tmp_path)
    line = refused("train", "--resume=new.run", cwd=tmp_path)
    assert "new exists" in line
    subprocess.run(["rm", "-r", "new"], cwd=tmp_path)
    (tmp_path / "kept").rename(target)
    # Another version may have other settings under the name of a recipe.
    recipe = run.read()["recipe"]
    other = {**recipe["training"], "label_smoothing": 0.3}
    run.note(recipe={**recipe, "training": other})
    line = refused("train", "--resume=new.run", cwd=tmp_path)
    assert "The recipe default differs from the one that the run" in line
    run.note(recipe=recipe)
    TrainingProcess(tmp_path, "--resume=new.run").end()
    assert read_description(target) == written
    assert run.read()["finished"] and not run.backup.exists()


@pytest.mark.keras3_only  # Starts itself over in tf_keras.
def test_a_quantization_aware_run_killed_at_its_end_is_finished_later(
    work, tmp_path
):
    _copy(work, tmp_path)
    code = 'import os; os.environ["TF_USE_LEGACY_KERAS"] = "1"' + KILLED
    settings = ("--data=data", "--qat", "--init=old/a", "--batch_size=4")
    process = _start(tmp_path, code, "--to=new", *settings, "--epochs=1")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    written = read_description(tmp_path / "new")
    TrainingProcess(tmp_path, "--resume=new.run").end()
    assert read_description(tmp_path / "new") == written
    assert load_preset(tmp_path / "new").activation_ranges
    assert json.loads((tmp_path / "new.run/run.json").read_text())["finished"]


def test_a_run_that_another_process_trains_is_not_resumed(work, tmp_path):
    _copy(work, tmp_path)
    run = RunFolder(tmp_path / "old" / "a.run")
    run.note(finished=False)
    before = _contents(tmp_path)
    run.lock()
    try:
        process = _start(tmp_path, "", "--resume=old/a.run")
        _, line = process.communicate()
    finally:
        run.unlock()
    assert f"Another process trains in old/a.run (process {os.getpid()}" in line
    assert _contents(tmp_path) == before


def test_the_test_split_is_only_used_once_training_is_done(work, tmp_path):
    """The clips that choose the epoch do not measure its accuracy."""
    _copy(work, tmp_path)
    write_folder(tmp_path / "data" / "val", clips_per_class=2, seed=7)
    settings = ("--patience=5", *SETTINGS, "--learning_rate=0.05")
    text = tsm_here("train", "--to=new", *settings, cwd=tmp_path)
    assert "validating on the split val, testing on test" in text
    about = read_description(tmp_path / "new")["provenance"]
    rows = RunFolder(tmp_path / "new.run").epochs()
    best = max(float(row["val_top1"]) for row in rows)
    assert about["val_top1"] == pytest.approx(best)
    clips = make_dataset(
        tmp_path / "data" / "test",
        load_preset(tmp_path / "new").video_config,
        batch_size=4,
        training=False,
    )
    found = clip_accuracies(load_preset(tmp_path / "new"), clips)["top1"]
    assert about["test_top1"] == pytest.approx(found)
    assert f"top-1 {found:.2%} of 4 test clips" in text


MINE = """
import pathlib
from tensorflow import keras
class Mine(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        with open("epochs.txt", "a") as file:
            file.write(f"{epoch} ")
        if epoch == 1 and pathlib.Path("fail").exists():
            raise RuntimeError("as asked")
"""


def test_a_run_knows_its_teacher_and_names_no_program(work, tmp_path):
    """Its folder may be somebody else's: callbacks come from the command."""
    _copy(work, tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "evil.py").write_text("open('evil.txt', 'w')")
    (tmp_path / "fail").touch()
    taught = ("--to=new", "--teacher=old/a", "--teacher_weight=0.9")
    named = "--callbacks=./mine.py:Mine"
    line = refused("train", *taught, *SETTINGS, named, cwd=tmp_path)
    assert "on_epoch_begin: RuntimeError: as asked" in line
    run, teacher = RunFolder(tmp_path / "new.run"), tmp_path / "old" / "a"
    flags = run.read()["flags"]
    assert f"--teacher={teacher}" in flags
    assert not [flag for flag in flags if "callbacks" in flag]
    line = refused("train", "--resume=new.run", named, cwd=tmp_path)
    assert "as asked" in line
    assert (tmp_path / "epochs.txt").read_text() == "0 1 1 "
    # Another teacher comes to its place.
    digest = preset_hash(teacher)
    other = load_preset(teacher)
    other.set_weights([2.0 * weight for weight in other.get_weights()])
    teacher.rename(tmp_path / "kept")
    save_preset(other, teacher)
    line = refused("train", "--resume=new.run", cwd=tmp_path)
    assert f"The teacher {teacher} differs from the one that the run" in line
    subprocess.run(["rm", "-r", teacher])
    (tmp_path / "kept").rename(teacher)
    run.note(flags=[*flags, "--callbacks=./evil.py:Evil"])
    refused("train", "--resume=new.run", cwd=tmp_path)
    assert not (tmp_path / "evil.txt").exists()
    run.note(flags=flags)
    # Without the flag there is no callback, and the command says so.
    text = tsm_here("train", "--resume=new.run", cwd=tmp_path)
    assert f"the run was begun with {named}, which is left out now" in text
    assert "continuing after epoch 1 of 2" in text
    assert (tmp_path / "epochs.txt").read_text() == "0 1 1 "
    # The preset names the teacher, and has the weights of one without.
    found, plain = (
        read_description(path) for path in (tmp_path / "new", teacher)
    )
    assert found["provenance"]["teacher_sha256"] == digest
    assert found["provenance"]["recipe"]["teacher_weight"] == 0.9
    assert "teacher" not in plain["provenance"]
    shapes = [
        [weight.shape for weight in load_preset(path).weights]
        for path in (tmp_path / "new", teacher)
    ]
    assert shapes[0] == shapes[1]


def test_what_a_teacher_needs_is_asked_for(work, tmp_path):
    _copy(work, tmp_path)
    for flags, message in (
        (["--teacher_weight=0.3"], "`teacher_weight` needs a teacher: add"),
        (["--teacher=nowhere"], "nowhere"),
    ):
        line = refused("train", "--to=new", *SETTINGS, *flags, cwd=tmp_path)
        assert message in line
    assert not (tmp_path / "new.run").exists()
