"""The notebook runs from top to bottom, and ends with a file for a phone."""

import os
import pathlib
import re
import sys

import nbclient
import nbformat
import pytest

from testing.checkout import ROOT
from tsm_live import StreamingSession

NOTEBOOK = nbformat.read(ROOT / "docs/folder_to_phone.ipynb", as_version=4)


def test_the_notebook_is_kept_without_outputs():
    nbformat.validate(NOTEBOOK)
    cells = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
    assert len(cells) > 5
    assert not any(cell.outputs or cell.execution_count for cell in cells)


@pytest.mark.slow
@pytest.mark.keras3_only
def test_the_notebook_makes_a_good_file_for_a_phone(tmp_path, monkeypatch):
    scripts = pathlib.Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(scripts), prepend=os.pathsep)
    client = nbclient.NotebookClient(
        NOTEBOOK.copy(),
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    notebook = client.execute()
    printed = "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream"
    )
    assert float(re.search(r"top-1: ([\d.]+)%", printed)[1]) > 80
    assert "FAILED" not in printed and "good" in printed
    session = StreamingSession(tmp_path / "gestures.tflite")
    assert len(session.spec.labels) == 4
    assert (tmp_path / "annotated.mp4").stat().st_size > 1000
