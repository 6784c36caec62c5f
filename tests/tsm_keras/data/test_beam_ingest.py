import os
import sys

import pytest

from testing.plans import contents, small_plan
from tsm_keras.data.beam_ingest import ingest_with_beam
from tsm_keras.data.ingest import ingest


@pytest.mark.slow
def test_several_beam_workers_write_the_same_files(tmp_path, monkeypatch):
    # Beam starts its workers as processes of their own.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    plan = small_plan()
    local = ingest(plan, tmp_path / "local")
    dataset = ingest_with_beam(
        plan,
        tmp_path / "beam",
        [
            "--runner=DirectRunner",
            "--direct_num_workers=2",
            "--direct_running_mode=multi_processing",
        ],
    )
    assert dataset.content_hash == local.content_hash
    assert contents(tmp_path / "beam") == contents(tmp_path / "local")


def test_without_beam_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    with pytest.raises(ImportError, match=r'pip install "tsm-keras\[beam\]"'):
        ingest_with_beam(small_plan(), tmp_path / "set")
    assert not (tmp_path / "set").exists()
