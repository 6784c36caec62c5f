"""`tsm expand`: refusals, and a real search on generated videos."""

import json

import pytest

from testing.command_line import refused
from testing.gestures import write_folder
from tsm_cli.expand import command
from tsm_cli.expand.flags import network_from_flags
from tsm_cli.expand.latency import StreamLatency
from tsm_keras.command_flags import parse
from tsm_keras.models.config import VideoClassifierConfig
from tsm_keras.models.presets import load_preset
from tsm_keras.training.expansion.axes import AXES
from tsm_keras.training.expansion.folder import Candidate

# ResNet-18 has few layers, so that its training step is soon ready.
TINY = (
    *("--start=resnet18", "--size=32", "--segments=2"),
    *("--frame_interval=0.2", "--epochs=1", "--batch_size=4"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gestures")
    for seed, split in enumerate(("train", "val")):
        write_folder(folder / split, ("pull", "push"), seed=1000 * seed)
    return folder


def expand(data, to, *flags):
    arguments = [f"--data={data}", f"--to={to}", *TINY, *flags]
    command.main(parse(command.FLAGS, "tsm expand", arguments))


@pytest.mark.slow
def test_a_search_ends_with_a_trained_preset_and_a_report(
    data, tmp_path, capfd
):
    out = tmp_path / "out"
    flags = ("--axes=frame_rate,depth", "--steps=1", "--jobs=2")
    expand(data, out, *flags)
    lines = capfd.readouterr().out.splitlines()
    assert lines[-1] == str(out / "best")
    reason = "the blocks of resnet18 are fixed"
    assert f"the axis depth is left out: {reason}" in lines
    found = json.loads((out / "steps/01/frame_rate.json").read_text())
    assert 0 <= found["top1"] <= 1
    config = load_preset(out / "best").video_config
    assert config == VideoClassifierConfig.from_dict(found["config"])
    assert config.head.labels == ("pull", "push")
    assert (config.clip.num_segments, config.clip.frame_interval) == (4, 0.1)
    report = (out / "report.html").read_text("utf-8")
    assert "data:image/png;base64," in report and "chosen" in report

    # The same command again trains nothing, and other settings are refused.
    expand(data, out, *flags)
    assert "top-1" not in "".join(
        line
        for line in capfd.readouterr().out.splitlines()
        if line.startswith("step ")
    )
    with pytest.raises(
        ValueError, match=r"recipe\.training\.seed was 0 and is 1"
    ):
        expand(data, out, *flags, "--seed=1")


@pytest.mark.slow
def test_latency_is_measured_against_the_parent(tmp_path):
    config = VideoClassifierConfig(
        num_classes=2,
        labels=("pull", "push"),
        backbone="resnet18",
        shift="causal",
        image_size=32,
        frame_interval=0.2,
    )
    latency = StreamLatency(tmp_path, rounds=20)
    start = Candidate(0, "start", config, latency.cost(config, None))
    assert start.cost > 0
    faster = AXES["frame_rate"].at(config, 16)
    assert faster.clip.frame_interval == pytest.approx(0.1)
    # A step costs the same, and there are twice as many per second.
    assert len({latency._file(config), latency._file(faster)}) == 1
    assert 1.0 < latency.cost(faster, start) / start.cost < 4.0
    assert latency.size(faster) == pytest.approx(2 * latency.size(config))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--objective=joules"], "`objective` must be one of"),
        (["--start=x3d_xxl"], "`start` must be one of"),
        (["--axes=height"], r"`axes` must be some of"),
        (["--axes=depth"], "the blocks of resnet18 are fixed"),
        (["--validation_split=test"], "`data` must have a split train and"),
        (["--objective=latency"], "add --causal"),
        (["--to=s3://bucket/found"], "mount the bucket"),
        (["--epochs=0"], "`epochs` must be at least 1"),
        (["--recipe=x3d"], "`recipe` must be one of"),
        (["--recipe=finetune_small"], "start from random weights"),
        (["--recipe=vid_detection"], "`recipe` must be for classifiers"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(data, tmp_path, flags, message):
    to = tmp_path / "out"
    line = refused("expand", f"--data={data}", f"--to={to}", *TINY, *flags)
    assert message in line
    assert not to.exists()


@pytest.mark.parametrize(
    ("given", "on_gpu"),
    [
        ((), False),
        (("--recipe=x3d_kinetics",), True),
        (("--deterministic",), True),
    ],
)
def test_a_gpu_is_deterministic_for_published_recipes_only(
    data, tmp_path, monkeypatch, given, on_gpu
):
    jobs = []

    def note(function, named, **options):
        jobs.extend(named.values())
        raise LookupError  # Enough is seen.

    monkeypatch.setattr(command, "run_in_processes", note)
    for devices in ([], ["a GPU"]):
        monkeypatch.setattr(
            command.tf.config, "list_physical_devices", lambda _, d=devices: d
        )
        with pytest.raises(LookupError):
            expand(data, tmp_path / f"{len(devices)}", *given)
    assert [job.deterministic for job in jobs] == [True, on_gpu]


def test_data_and_a_folder_are_required():
    assert "--data must have a value" in refused("expand", "--to=out")
    assert "--to must have a value" in refused("expand", "--data=videos")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        # A clip of one frame has no interval that the search could use.
        (["--start=x2d"], (1, 112, 1.0, 0.0)),
        (["--start=x2d", "--frame_interval=0.5"], (1, 112, 1.0, 0.5)),
        (["--start=x3d_xs", "--size=64"], (4, 64, 2.2, 12 / 30)),
        (["--start=mobilenet_v2", "--segments=2"], (2, 224, 2.2, 0.0)),
    ],
)
def test_the_start_is_a_network_with_other_values(flags, expected):
    parse(command.FLAGS, "tsm expand", flags)
    config = network_from_flags(command.FLAGS)
    assert expected == (
        config.clip.num_segments,
        config.input.image_size,
        config.backbone.depth,
        config.clip.frame_interval,
    )
