"""The folder is what its generator writes, and the page describes it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from testing.checkout import PACKAGE_ROOTS, ROOT
from testing.vectors import FOLDER, vectors
from tsm_cli.vectors.arrays import decode_array

# The same from either Keras.
pytestmark = pytest.mark.keras3_only

# Other processors round in another way, and the converter may, too.
_TOLERANCE = 1e-4
# A network that is quantized anew has slightly other ranges, if its calibration
# ran on a processor that rounds in another way. On an AMD EPYC, its outputs and
# caches differed by up to 4 steps.
_STEPS = 8
_FLOATS = ("score", "scale")
_STEP = 0.2  # The size of a box in pixels moves by so much with an integer.
_OF_THE_FILE = ("insert", "start", "remove")  # Other versions of TensorFlow.
_WRITTEN = (".json", ".tflite")


@pytest.mark.slow
def test_the_generator_writes_the_same(tmp_path):
    path = os.pathsep.join(map(str, PACKAGE_ROOTS.values()))
    subprocess.run(
        [sys.executable, FOLDER / "generate.py", tmp_path],
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    found = json.loads((tmp_path / "vectors.json").read_text("utf-8"))
    _assert_alike(found, vectors(), "")
    assert {path.name for path in tmp_path.iterdir()} == {
        path.name for path in FOLDER.iterdir() if path.suffix in _WRITTEN
    }


def _assert_alike(found, expected, place):
    """Compares JSON values; arrays and scores within the tolerance."""
    assert type(found) is type(expected), place
    if isinstance(expected, dict) and {"dtype", "data"} <= set(expected):
        new, old = decode_array(found), decode_array(expected)
        assert (new.dtype, new.shape) == (old.dtype, old.shape), place
        new, old, is_float = *map(np.float64, (new, old)), old.dtype.kind == "f"
        largest = np.abs(old[np.isfinite(old)]).max(initial=1)
        steps = _STEPS if "/steps/" in place and "/frames" not in place else 1
        limit = _TOLERANCE * largest if is_float else steps
        # Infinities, which some heatmaps have, must be at the same places.
        np.testing.assert_allclose(new, old, rtol=0, atol=limit, err_msg=place)
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys(), place
        for key in expected.keys() - set(_OF_THE_FILE):
            _assert_alike(found[key], expected[key], f"{place}/{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), place
        for index, pair in enumerate(zip(found, expected, strict=True)):
            _assert_alike(*pair, f"{place}/{index}")
    elif "/box/" in place or place.endswith("/threshold"):
        assert found == pytest.approx(expected, abs=_STEP), place
    elif place.rpartition("/")[2] in _FLOATS:
        assert found == pytest.approx(expected, rel=_TOLERANCE), place
    else:
        assert found == expected, place


def test_the_page_names_every_kind_and_key():
    page = (ROOT / "docs/vectors.md").read_text("utf-8")
    words = {"format", "tolerances", "cases"}
    for case in vectors()["cases"]:
        words |= {case["kind"], *case}
        for key in ("steps", "events"):
            for entry in case.get(key, ()):
                words |= set(entry)
        words |= set(case.get("rules", ()))
        if case["kind"] == "tracks":
            words |= set(case["boxes"][0][0])
    assert len(words) > 40
    assert not {word for word in words if f"`{word}`" not in page}
