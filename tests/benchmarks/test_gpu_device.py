import collections
import json
import os
import subprocess
import sys

import pytest

from testing.checkout import PACKAGE_ROOTS, ROOT
from testing.gpu import require_gpu

_NO_DRIVER = {"VK_DRIVER_FILES": os.devnull, "VK_ICD_FILENAMES": os.devnull}


def _run(module, *arguments, environment):
    roots = [*map(str, PACKAGE_ROOTS.values()), str(ROOT / "tests")]
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(roots)},
        capture_output=True,
        text=True,
    )


def _measure(folder, results, *arguments, environment):
    return _run(
        "benchmarks.gpu.device",
        f"--folder={folder}",
        f"--to={results}",
        *arguments,
        environment=environment,
    )


@pytest.mark.parametrize("flags", [(), ("--allow_software",)])
def test_it_reports_nothing_without_a_device(tmp_path, flags):
    results = tmp_path / "results"
    process = _measure(tmp_path, results, *flags, environment=_NO_DRIVER)
    assert process.returncode == 1
    assert process.stderr.strip().endswith("Received: no device")
    assert not results.exists()


def _prepare(folder, *arguments):
    process = _run(
        "benchmarks.gpu.prepare",
        *(f"--to={folder}", "--width=0.35", "--quantize=none", "--frames=16"),
        *arguments,
        environment={},
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.slow
def test_all_parts_on_software_vulkan(tmp_path):
    environment = require_gpu()
    detectors, classifiers = tmp_path / "detectors", tmp_path / "classifiers"
    results = tmp_path / "results"
    # The detector is exported as streams, and the classifier for clips.
    size = ("--image_size=64", "--stored_size=64")
    _prepare(detectors, "--detector", "--kind=stream", "--streams=1,2", *size)
    size = ("--image_size=32", "--stored_size=32")
    _prepare(classifiers, "--kind=clip", *size)
    if environment:  # What was found is software, not a GPU.
        process = _measure(detectors, results, environment=environment)
        assert process.returncode == 1
        assert "--allow_software" in process.stderr
        assert not results.exists()
    options = ("--allow_software", "--steps=10", "--soak_steps=20")
    options += ("--seconds=0.2", "--threads=1")
    rows = []
    for folder in (detectors, classifiers):
        process = _measure(folder, results, *options, environment=environment)
        assert process.returncode == 0, process.stderr
        report = json.loads((results / "results.json").read_text())
        assert report["devices"][0]["name"] in process.stdout
        rows += report["results"]
    parts = collections.Counter(row["part"] for row in rows)
    assert parts == {
        "agreement": 3,
        "times": 2,
        "streams": 2,
        "clip": 2,
        "soak": 1,
    }
    for row in rows:
        assert "error" not in row and "refused" not in row, row
        for name in ("file", "cpu"):
            assert row.get(f"{name}_error", 0) < 1e-3
            assert row.get(f"{name}_matched", 1) == 1
            assert row.get(f"{name}_boxes", 1) > 0
        for key in ("reset_exact", "as_fresh", "finite"):
            assert row.get(key, True)
        if row["part"] == "times":
            assert row["gpu_ms"] > 0 < row["cpu_1_ms"]
    # A part that fails, fails alone, and says why.
    (classifiers / "mobilenet_v2_none_clip1.npz").unlink()
    process = _measure(classifiers, results, *options, environment=environment)
    assert process.returncode == 0, process.stderr
    report = json.loads((results / "results.json").read_text())
    assert len(report["results"]) == 2
    for row in report["results"]:
        assert "FileNotFoundError" in row["error"]
