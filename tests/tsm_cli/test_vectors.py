"""`tsm vectors`: vectors of any streaming artifact."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest

from testing.artifacts import random_onnx
from testing.specs import SPEC
from testing.vectors import (
    FOLDER,
    open_case,
    replay_session,
    replay_steps,
)
from tsm_cli.vectors.arrays import decode_array, encode_array
from tsm_cli.vectors.command import FLAGS, main
from tsm_keras.command_flags import parse
from tsm_live import ArtifactError
from tsm_live.artifact.file import write_spec

# The same from either Keras.
pytestmark = pytest.mark.keras3_only


def _write(path, *arguments):
    """Returns the content of the file that was written."""
    main(parse(FLAGS, "tsm vectors", [str(path), *arguments]))
    to = path.with_suffix(".vectors.json") if FLAGS.to is None else FLAGS.to
    return json.loads(pathlib.Path(to).read_text("utf-8"))


def _copied(tmp_path, artifact):
    return shutil.copy(artifact, tmp_path / f"mine{artifact.suffix}")


@pytest.mark.parametrize("name", ["int8", "two_streams", "detector"])
def test_vectors_beside_the_artifact(tmp_path, name, capsys):
    path = _copied(tmp_path, FOLDER / f"{name}.tflite")
    found = _write(path, "--steps=11")
    assert "mine.vectors.json: " in capsys.readouterr().out
    _assert_replayed(found, tmp_path, name)


@pytest.mark.slow
def test_vectors_of_onnx(tmp_path):
    path = _copied(tmp_path, random_onnx())
    _assert_replayed(_write(path, "--steps=11"), tmp_path, "onnx")


def _assert_replayed(found, folder, name):
    cases = {case["kind"]: case for case in found["cases"]}
    assert {"fit", "quantize", "steps"} <= set(cases)
    assert ("session" in cases) == (name != "two_streams")
    assert ("decode" in cases) == (name == "detector")
    session, network = open_case(cases["steps"], folder)
    assert len(cases["steps"]["steps"]) == 11
    for fed in (True, False):
        errors = replay_steps(cases["steps"], session, network, fed=fed)
        assert errors == {"float": 0, "integer": 0}
    if "session" in cases:
        replay_session(cases["session"], session, network)


def test_vectors_in_another_folder(tmp_path):
    (tmp_path / "web").mkdir()
    path = _copied(tmp_path, FOLDER / "float32.tflite")
    to = tmp_path / "web/vectors.json"
    found = _write(path, f"--to={to}")
    (steps,) = (case for case in found["cases"] if case["kind"] == "steps")
    assert steps["artifact"] == "../mine.tflite"


def test_clips_are_refused(tmp_path):
    frame = dataclasses.replace(SPEC.frame, role="clip")
    spec = dataclasses.replace(
        SPEC, kind="clip", inputs=(frame,), outputs=(SPEC.logits,)
    )
    path = tmp_path / "clip.tflite"
    path.write_bytes(b"TFL3")
    write_spec(path, spec)
    with pytest.raises(ArtifactError, match="Received: .* kind 'clip'"):
        _write(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8"])
def test_arrays(dtype):
    array = np.arange(6).reshape(3, 2).astype(dtype)
    fields = json.loads(json.dumps(encode_array(array.T)))
    assert (fields["dtype"], fields["shape"]) == (dtype, [2, 3])
    found = decode_array(fields)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array.T)
    empty = decode_array(encode_array(array[:0]))
    assert empty.shape == (0, 2)
