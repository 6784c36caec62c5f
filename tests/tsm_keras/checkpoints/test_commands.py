"""The commands for checkpoints, run in this process."""

import numpy as np
import pytest
from absl import flags
from tensorflow import keras

from testing.checkpoint_cases import BY_NAME
from tsm_keras.checkpoints import import_command, presets_command
from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.command_flags import parse
from tsm_keras.models.presets import load_preset, read_description

CASE = BY_NAME["torchvision_mobilenet_v2"]


def run(command, *arguments):
    command.main(parse(command.FLAGS, "tsm", [*map(str, arguments)]))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "mobilenet_v2.npz"
    np.savez(path, **CASE.state_dict)
    return path


START = ("--shift=causal", "--segments=4", "--dataset=drawn", "--size=32")


def test_a_start_for_training_without_pytorch(checkpoint, tmp_path, capsys):
    labels = tmp_path / "labels.txt"
    labels.write_bytes("\ufeffpull\r\npush\r\n\r\n".encode())
    preset = tmp_path / "preset"
    arguments = (checkpoint, f"--to={preset}", f"--labels={labels}", *START)
    run(import_command, *arguments, "--classes=2", "--tensors")
    printed = capsys.readouterr().out
    assert "classifier.1.weight: for other classes" in printed
    assert "features.0.0.weight [32, 3, 3, 3] -> stem_conv[0]" in printed
    assert "no class names" not in printed
    config = load_preset(preset).video_config
    assert config.head.labels == ("pull", "push")
    assert (config.temporal.shift, config.clip.num_segments) == ("causal", 4)
    provenance = read_description(preset)["provenance"]
    assert provenance["imported_from"] == "mobilenet_v2.npz"
    assert len(provenance["sha256"]) == 64
    with pytest.raises(FileExistsError, match="--overwrite"):
        run(import_command, *arguments, "--classes=2")
    run(import_command, *arguments, "--classes=2", "--overwrite")


def test_mistakes(checkpoint, tmp_path):
    to = f"--to={tmp_path / 'preset'}"
    with pytest.raises(FileNotFoundError, match="mean mobilenetv2_jester_onl"):
        run(import_command, "mobilenetv2_jester_onlin", to)
    with pytest.raises(ValueError, match="not UTF-8 text"):
        run(import_command, checkpoint, to, f"--labels={checkpoint}", *START)
    with pytest.raises(ValueError, match="`labels` must be num_classes=11"):
        text = tmp_path / "labels.txt"
        text.write_text("a\nb\n")
        run(import_command, checkpoint, to, f"--labels={text}", *START)
    with pytest.raises(flags.Error, match="expected one FILE"):
        run(import_command, to)
    with pytest.raises(flags.Error, match="unexpected"):
        run(presets_command, "presets")
    assert not (tmp_path / "preset").exists()


def test_a_published_name_asks_before_it_downloads(tmp_path, capsys):
    to = f"--to={tmp_path / 'preset'}"
    with pytest.raises(CheckpointError, match="--shift.*--segments"):
        run(import_command, "resnet18-f37072fd", to)
    with pytest.raises(CheckpointError, match=r"add num_segments=T"):
        run(import_command, "mobilenetv2_jester_online", to)
    assert "downloading" not in capsys.readouterr().out


def test_a_damaged_download_says_what_to_delete(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    path = tmp_path / "mobilenetv2_jester_online.pth.tar"
    path.write_text("<html>moved</html>")
    monkeypatch.setattr(keras.utils, "get_file", lambda *_, **__: str(path))
    to = f"--to={tmp_path / 'preset'}"
    with pytest.raises(CheckpointError, match=f"again, delete {path}"):
        run(import_command, path.name, to, "--segments=8")


def test_presets_lists_what_is_published(capsys):
    run(presets_command, "--urls")
    printed = capsys.readouterr().out
    assert "https://hanlab18.mit.edu/projects/tsm/models/" in printed
    assert "64d69186  never" in printed
