"""The commands from PyTorch weights to artifacts."""

import itertools
import shutil

import numpy as np
import pytest

from testing.checkpoint_cases import BY_NAME, CLASSES
from testing.command_line import refused, tsm_here
from testing.gestures import write_folder
from tsm_export.verify import checks
from tsm_keras.models.presets import load_preset, read_description

torch = pytest.importorskip("torch")

LABELS = [f"class {index}" for index in range(CLASSES)]


def write_checkpoint(folder, name, prefix=""):
    """Writes the weights of a case as its publisher would; returns the file."""
    case = BY_NAME[name]
    state_dict = {
        prefix + key: torch.from_numpy(array)
        for key, array in case.state_dict.items()
    }
    # Drawn weights find all classes about as likely, so that the last bit
    # decides between them; int8 needs classes that stand apart.
    for key, tensor in state_dict.items():
        if key.endswith(("new_fc.bias", "classifier.bias")):
            tensor += torch.linspace(-3, 3, CLASSES)
    path = folder / case.file_name
    torch.save({"epoch": 50, "state_dict": state_dict}, path)
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with two checkpoints, labels and videos to calibrate on."""
    work = tmp_path_factory.mktemp("work")
    write_checkpoint(work, "tsm_online")
    write_checkpoint(work, "tsm_mobilenet_v2", prefix="module.")
    (work / "labels.txt").write_text("\n".join(LABELS) + "\n")
    gestures = write_folder(work / "gestures", clips_per_class=1)
    for label, gesture in zip(
        LABELS, itertools.cycle(sorted(gestures.iterdir())), strict=False
    ):
        shutil.copytree(gesture, work / "videos" / label)
    return work


@pytest.fixture
def without_gpu(monkeypatch):
    """Software Vulkan takes long, and the tests of `tsm verify` run it."""
    monkeypatch.setattr(checks, "gpu_environment", lambda: None)


@pytest.mark.slow
@pytest.mark.usefixtures("without_gpu")
def test_from_the_online_demo_to_an_int8_stream(work, tmp_path):
    preset, artifact = tmp_path / "preset", tmp_path / "online.tflite"
    printed = tsm_here(
        "import-weights",
        work / BY_NAME["tsm_online"].file_name,
        f"--to={preset}",
        f"--labels={work / 'labels.txt'}",
        "--segments=4",
        "--size=64",
    )
    assert "causal" in printed and "loaded  262 tensors" in printed
    assert "ignored epoch: state of the training" in printed
    description = read_description(preset)
    assert description["config"].head.labels == tuple(LABELS)
    provenance = description["provenance"]
    assert provenance["dataset"] == "jester"
    assert provenance["source"] == "tsm_online"
    # Tried before it appears: what `tsm verify` does.
    printed = tsm_here(
        "export",
        preset,
        f"--to={artifact}",
        "--quantize=int8",
        f"--calibration={work / 'videos'}",
        "--calibration_frames=48",
        "--soak_frames=30",
    )
    assert "equals the clip, every prefix" in printed
    assert "FAIL" not in printed
    assert artifact.is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("without_gpu")
def test_from_a_bidirectional_network_to_a_clip_artifact(work, tmp_path):
    checkpoint = work / BY_NAME["tsm_mobilenet_v2"].file_name
    preset, artifact = tmp_path / "preset", tmp_path / "clip.tflite"
    arguments = ["import-weights", checkpoint, f"--to={preset}", "--size=64"]
    line = refused(*arguments, "--shift=causal")
    assert "shift='bidirectional'" in line and "--force" in line
    assert not preset.exists()
    tsm_here(*arguments, f"--labels={work / 'labels.txt'}")
    tsm_here("export", preset, "--kind=clip", "--noverify", f"--to={artifact}")
    printed = tsm_here("verify", artifact, preset, "--clips=2")
    assert "equals Keras" in printed and "FAIL" not in printed
    # And back to PyTorch.
    weights = tmp_path / "weights.safetensors"
    printed = tsm_here("export-weights", preset, f"--to={weights}")
    assert "262 tensors" in printed
    again = tmp_path / "again"
    tsm_here("import-weights", weights, f"--to={again}")
    for weight, expected in zip(
        load_preset(again).weights, load_preset(preset).weights, strict=True
    ):
        np.testing.assert_array_equal(weight.numpy(), expected.numpy())


def test_mistakes_are_one_line_and_write_nothing(work, tmp_path):
    checkpoint = work / BY_NAME["tsm_online"].file_name
    line = refused("import-weights", checkpoint, f"--to={tmp_path / 'preset'}")
    assert "--segments" in line
    assert not list(tmp_path.iterdir())
