"""The wheel and the sdist, installed without the checkout beside them."""

import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

from testing import checkout
from testing.models import small_config
from tsm_keras.models.clip import build_clip_model
from tsm_keras.models.presets import save_preset

_NEEDED = ("pyproject.toml", "setup.py", "README.md", "LICENSE")


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A wheel of the checkout, and one of the sdist of the checkout."""
    folder = tmp_path_factory.mktemp("distributions")
    source = folder / "source"
    source.mkdir()
    for name in _NEEDED:
        shutil.copy(checkout.ROOT / name, source)
    for package, root in checkout.PACKAGE_ROOTS.items():
        shutil.copytree(
            root / package,
            source / root.relative_to(checkout.ROOT) / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    _run(
        sys.executable,
        "-c",
        "from setuptools import build_meta; build_meta.build_sdist('../sdist')",
        cwd=source,
    )
    (sdist,) = (folder / "sdist").iterdir()
    return [
        _wheel(source, folder / "of_checkout"),
        _wheel(sdist, folder / "of_sdist"),
    ]


def test_wheel_and_sdist_hold_every_file_of_the_packages(wheels):
    tracked = {
        path.relative_to(root).as_posix()
        for package, root in checkout.PACKAGE_ROOTS.items()
        for path in checkout.files(root / package, "*")
        if path.is_file() and path.name != "BUILD"
    }
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
        assert {name for name in names if ".dist-info/" not in name} == tracked


def test_installed_commands_run_without_the_checkout(wheels, tmp_path):
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    paths = {"base": str(environment), "platbase": str(environment)}
    packages = pathlib.Path(sysconfig.get_path("purelib", vars=paths))
    # The dependencies are found where they are. A line that is a path does not
    # bring the editable installation of the checkout along.
    (packages / "dependencies.pth").write_text(
        sysconfig.get_path("purelib"), encoding="utf-8"
    )
    scripts = pathlib.Path(sysconfig.get_path("scripts", vars=paths))
    python = scripts / "python"
    _pip("--python", python, "install", "--no-deps", wheels[1])

    where = _run(
        python,
        "-c",
        "import tsm_keras, tsm_live as live\n"
        "print(tsm_keras.__file__, live.__file__)",
        cwd=tmp_path,
    )
    assert where.count(str(packages)) == 2
    config = small_config(labels=tuple("abcdefg"))
    save_preset(build_clip_model(config), tmp_path / "preset")
    tsm = scripts / "tsm"
    _run(tsm, "export", "preset", "--to=model.tflite", cwd=tmp_path)
    assert "stream" in _run(tsm, "info", "model.tflite", cwd=tmp_path)
    help_of_live = _run(scripts / "tsm-live", "--help", cwd=tmp_path)
    assert "--model" in help_of_live


def _wheel(source, folder):
    _pip("wheel", "--no-deps", "--no-build-isolation", "-w", folder, source)
    (wheel,) = folder.iterdir()
    return wheel


def _pip(*arguments):
    _run(sys.executable, "-m", "pip", *arguments, "--no-index")


def _run(*command, cwd=None):
    """Returns what a command printed."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        # Only what is installed shall be found.
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    assert result.returncode == 0, result.stdout
    return result.stdout
