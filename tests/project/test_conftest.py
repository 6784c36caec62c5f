"""What tests/conftest.py adds to pytest."""

import os
import shutil
import subprocess
import sys

import pytest

from testing import checkout

_SKIPPED_TEST = """
import pytest
def test_skipped():
    pytest.skip("no data")
"""

_SKIPPED_MODULE = """
import pytest
pytest.skip("no data", allow_module_level=True)
"""

_TEST_OF_KERAS_3 = """
import pytest
@pytest.mark.keras3_only
def test_only_in_keras_3(): pass
def test_in_both(): pass
"""


def _run_pytest(folder, text, **environment):
    """Runs pytest on a test file beside our conftest.py."""
    shutil.copy(checkout.ROOT / "tests/conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = keras3_only\n")
    (folder / "test_example.py").write_text(text)
    ours = ("TSM_REQUIRE_ALL", "TF_USE_LEGACY_KERAS", "PYTEST_ADDOPTS")
    inherited = {k: v for k, v in os.environ.items() if k not in ours}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "."],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("text", [_SKIPPED_TEST, _SKIPPED_MODULE])
def test_a_skip_fails_where_all_is_required(tmp_path, text):
    run = _run_pytest(tmp_path, text, TSM_REQUIRE_ALL="1")
    # pytest's own 5 says that it found no test.
    assert run.returncode in (1, 5), run.stdout
    assert "TSM_REQUIRE_ALL: " in run.stdout
    assert "no data" in run.stdout


def test_a_skip_is_fine_elsewhere(tmp_path):
    run = _run_pytest(tmp_path, _SKIPPED_TEST)
    assert run.returncode == 0, run.stdout
    assert "1 skipped" in run.stdout


def test_passing_is_fine_where_all_is_required(tmp_path):
    run = _run_pytest(tmp_path, _TEST_OF_KERAS_3, TSM_REQUIRE_ALL="1")
    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout


def test_keras3_only_is_left_out_under_tf_keras(tmp_path):
    run = _run_pytest(
        tmp_path,
        _TEST_OF_KERAS_3,
        TF_USE_LEGACY_KERAS="1",
        TSM_REQUIRE_ALL="1",
    )
    assert run.returncode == 0, run.stdout
    assert "1 passed, 1 deselected" in run.stdout


def test_what_needs_tf_keras_runs_in_it():
    """`make test SLOW=1` runs each test that is marked for tf_keras."""
    dry = subprocess.run(
        ["make", "--dry-run", "test", "SLOW=1"],
        cwd=checkout.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    commands = [x for x in dry.stdout.splitlines() if "LEGACY_KERAS=1" in x]
    run = [
        checkout.ROOT / word
        for word in " ".join(commands).split()
        if word.startswith("tests/")
    ]
    for mark in ("tf_keras_only", "tf_keras_too"):
        assert any(mark in command for command in commands)
        marked = [
            path
            for path in checkout.files(checkout.ROOT / "tests", "test_*.py")
            if f"\n@pytest.mark.{mark}" in path.read_text()
        ]
        assert marked
        for path in marked:
            assert any(path.is_relative_to(part) for part in run), path
