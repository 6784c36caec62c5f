"""The `tsm` command: what it does, and what it answers to mistakes."""

import os
import re
import subprocess
import sys

import pytest
import tensorflow as tf

from testing.checkout import PACKAGE_ROOTS
from testing.command_line import refused, refused_process, tsm, tsm_here
from testing.gestures import LABELS, write_folder
from testing.models import randomize, small_config
from tsm_export.verify import checks
from tsm_keras.data.readers.probed_videos import CACHE_FILE
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import load_preset, save_preset


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with data/train, data/test and a random causal preset."""
    work = tmp_path_factory.mktemp("work")
    write_folder(work / "data" / "train", clips_per_class=1)
    write_folder(work / "data" / "test", clips_per_class=1, seed=50)
    for shift in ("causal", "bidirectional"):
        config = small_config(shift=shift, num_classes=4, labels=LABELS)
        model = build_clip_model(config)
        randomize(model, seed=0)
        save_preset(model, work / shift)
    return work


def test_help_and_version_are_there():
    usage, error = tsm("--help", ok=True)
    assert not error
    for command in (
        "quickstart",
        "train",
        "evaluate",
        "predict",
        "export",
        "verify",
        "benchmark",
        "info",
    ):
        assert command in usage
        assert "flags:" in tsm_here(command, "--help")
    version, _ = tsm("--version", ok=True)
    assert version.strip() == "0.1.0"


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from tsm_cli.main import dispatch; dispatch(['--help']); "
        "assert 'tensorflow' not in sys.modules and 'numpy' not in sys.modules"
    )
    path = os.pathsep.join(map(str, PACKAGE_ROOTS.values()))
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        env={**os.environ, "PYTHONPATH": path},
    )


@pytest.mark.slow
def test_the_path_from_videos_to_an_artifact(
    work, resnet10, tmp_path, monkeypatch
):
    preset, artifact = tmp_path / "preset", tmp_path / "model.tflite"
    tsm_here(
        "train",
        f"--data={work / 'data'}",
        f"--to={preset}",
        "--epochs=1",
        *("--backbone=resnet10", "--size=32", "--segments=4"),
        "--shift=causal",
    )
    output = tsm_here("info", preset)
    assert "swipe_left" in output and "FLOPs" in output and "MB" in output
    test = f"--data={work / 'data' / 'test'}"
    output = tsm_here("evaluate", preset, test)
    top1 = next(x for x in output.splitlines() if x.startswith("top-1"))
    with monkeypatch.context() as patch:
        # Software Vulkan takes long, and `tsm verify` runs it below.
        patch.setattr(checks, "gpu_environment", lambda: None)
        output = tsm_here("export", preset, f"--to={artifact}")
    assert "pass    equals the clip, every prefix" in output
    output = tsm_here("verify", artifact, preset, test, "--soak_frames=300")
    assert "pass    soak of 300 frames" in output and "FAIL" not in output
    output = tsm_here("benchmark", artifact, "--rounds=3")
    assert "median ms" in output and "1 thread(s)" in output
    output = tsm_here("evaluate", artifact, test)
    assert top1 in output  # Float32: what the preset said.
    onnx = tmp_path / "model.onnx"
    output = tsm_here("export", preset, f"--to={onnx}", "--soak_frames=200")
    assert "pass    equals the clip, every prefix" in output
    output = tsm_here("info", onnx)
    assert "NCHW" in output and "onnx_opset" in output
    output = tsm_here("evaluate", onnx, test)
    assert top1 in output
    output = tsm_here("benchmark", onnx, f"--vs={artifact}", "--rounds=3")
    assert "model.onnx" in output and "model.tflite" in output
    assert not [path for path in tmp_path.iterdir() if path.name[0] == "."]


@pytest.mark.slow
def test_an_export_to_int8_prints_only_what_it_wrote(work, tmp_path):
    artifact = tmp_path / "model.tflite"
    output, error = tsm(
        "export",
        work / "causal",
        f"--to={artifact}",
        "--quantize=int8",
        f"--calibration={work / 'data' / 'train'}",
        "--calibration_frames=8",
        "--no_gesture=push",
        "--average=0.25",
        "--noverify",  # A network that learnt nothing has no clear top-1.
        ok=True,
    )
    assert "wrote" in output
    assert not error  # No noise from TensorFlow's logs.
    output = tsm_here("info", artifact)
    assert "cache_09" in output and "int8" in output
    assert re.search("no gesture +push\n", output)
    assert "average 0.25," in output


def test_a_typo_is_answered_with_the_right_word():
    assert "did you mean `tsm train`" in refused_process("trian")
    assert "Did you mean: data" in refused("train", "--dta=x", "--to=y")
    assert "--to" in refused("train", "--data=x")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "--data=nowhere", "--to=new"), "nowhere"),
        (("train", "--data=data/train", "--to=new"), "train/CLASS/FILE"),
        (("train", "--data=data", "--to=new", "--test_split=x"), "['x']"),
        (("train", "--data=empty", "--to=new"), "holds no videos"),
        (("train", "--data=one_class", "--to=new"), "at least two class"),
        (("train", "--data=broken", "--to=new"), "0.mp4"),
        (("train", "--data=data", "--to=new", "--backbone=vgg"), "`backbone`"),
        (("train", "--data=data", "--to=new", "--epochs=0"), "`epochs`"),
        (("train", "--data=data", "--to=causal"), "causal exists"),
        (("info", "nowhere"), "nowhere"),
        (("info", "data"), "config.json is missing"),
        (("info", "data/train/push/0.mp4"), "not an artifact"),
        (("info", "damaged"), "damaged"),
        (("info", "incomplete"), "model.safetensors is missing"),
        (("evaluate", "causal", "--data=other_labels"), "missing ['push']"),
        (("evaluate", "nowhere", "--data=data/test"), "nowhere"),
        (("export", "causal", "--to=x.tflite", "--quantize=int8"), "--calib"),
        (("export", "bidirectional", "--to=x.tflite"), "cannot stream"),
        (("export", "causal", "--to=x.bin"), "must end in .tflite or .onnx"),
        (("export", "causal", "--to=x.bin", "--format=onnx"), "end in .onnx"),
        (("export", "causal", "--to=x.onnx", "--quantize=dynamic"), "none"),
        (
            ("export", "causal", "--to=/proc/new/x.tflite"),
            "/proc/new/x.tflite cannot be written",
        ),
        (
            ("export", "causal", "--to=causal/config.json/x.tflite"),
            "config.json/x.tflite cannot be written",
        ),
        (("export", "causal", "--to=data.tflite"), "data.tflite is a folder"),
        (
            ("export", "causal", "--to=x.tflite", "--no_gesture=wave"),
            "`no_gesture` must name classes of the model",
        ),
        (
            ("export", "causal", "--to=x.tflite", "--start_score=2"),
            "Received: end_score=0.4, start_score=2.0",
        ),
        (("verify", "nowhere.tflite"), "nowhere.tflite"),
        (("verify", "causal/config.json"), "not an artifact"),
        (("benchmark", "causal/config.json"), "not an artifact"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    work, tmp_path, arguments, message
):
    cwd = _with_trouble(work, tmp_path)
    before = {*cwd.rglob("*")}
    assert message in refused(*arguments, cwd=cwd)
    # What was found out about videos is kept, also about broken ones.
    left = {path for path in cwd.rglob("*") if path.name != CACHE_FILE}
    assert left == before


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.ResourceExhaustedError(None, None, "OOM [8,112,112]\nat x"),
        MemoryError("OOM [8,112,112]"),
    ],
)
def test_an_error_of_memory_says_what_to_lower(monkeypatch, error):
    def fails(arguments):
        raise error

    monkeypatch.setattr("tsm_cli.info.main", fails)
    line = refused("info", "x")
    for words in ("--batch_size", "--size", "--segments", "OOM [8,112,112]"):
        assert words in line


@pytest.mark.slow
def test_an_artifact_that_fails_verification_is_not_written(work, tmp_path):
    model = load_preset(work / "causal")
    classifier = model.get_layer("classifier")
    kernel, bias = classifier.get_weights()
    # In int8, classes as alike as these are one.
    kernel = kernel[:, :1] + 1e-5 * kernel
    classifier.set_weights([kernel, 0 * bias])
    save_preset(model, tmp_path / "alike")
    line = refused(
        "export",
        "alike",
        "--to=x.tflite",
        "--quantize=int8",
        f"--calibration={work / 'data'}",
        "--calibration_frames=8",
        "--soak_frames=0",
        cwd=tmp_path,
    )
    assert "the artifact fails: equals Keras" in line
    assert "x.tflite is not written" in line
    assert "--calibration_frames" in line and "--noverify" in line
    assert [path.name for path in tmp_path.iterdir()] == ["alike"]


def _with_trouble(work, folder):
    """Returns a folder with one input of each kind of problem."""
    for name in ("data", "causal", "bidirectional"):
        (folder / name).symlink_to(work / name)
    (folder / "empty" / "train").mkdir(parents=True)
    (folder / "data.tflite").mkdir()
    one = folder / "one_class" / "train"
    write_folder(one, labels=["push"], clips_per_class=1)
    broken = write_folder(folder / "broken" / "train", clips_per_class=1)
    clip = broken / "push" / "0.mp4"
    clip.write_bytes(clip.read_bytes()[:2000])
    write_folder(
        folder / "other_labels",
        labels=("pull", "shake", "swipe_left", "swipe_right"),
        clips_per_class=1,
    )
    for name in ("empty", "one_class", "broken"):
        (folder / name / "test").symlink_to(work / "data" / "test")
    for name in ("damaged", "incomplete"):
        (folder / name).mkdir()
        for file in (work / "causal").iterdir():
            (folder / name / file.name).write_bytes(file.read_bytes())
    weights = folder / "damaged" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    (folder / "incomplete" / "model.safetensors").unlink()
    return folder
