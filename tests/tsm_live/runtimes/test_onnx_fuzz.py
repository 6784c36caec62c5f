"""Mutated `.onnx` files, in processes of their own, which might die of them."""

import collections
import os
import pathlib
import random
import subprocess
import sys

import numpy as np
import onnx
import pytest

from testing.mutations import MUTATIONS, mutated_bytes, mutated_spec
from tsm_live import ArtifactError, OnnxSession, read_spec
from tsm_live.artifact.file import load_artifact, write_spec

# The artifact is the same whatever Keras it comes from.
pytestmark = pytest.mark.keras3_only

_BYTES = ("words", "bytes", "splice", "cut", "random")
_INTEGERS = (0, 1, -1, 2, 3, 7, 64, 127, 1000, 10**6, 2**31 - 1)
_WORDS = ("", "x", "Add", "Loop", "Conv", "Slice", "MaxPool")

# ONNX Runtime prints lines of its own.
_CHILD = """
import sys
from test_onnx_fuzz import try_case
for seed in range(int(sys.argv[2]), int(sys.argv[3])):
    print("\\ncase", seed, *try_case(sys.argv[1], seed), flush=True)
"""


@pytest.fixture
def artifact(tmp_path):
    # Here, since it imports TensorFlow, which the child does without.
    from testing.artifacts import random_onnx

    path = tmp_path / "sound.onnx"
    path.write_bytes(random_onnx().read_bytes())
    return path


def model_bytes(artifact):
    """Returns the model before the properties of an artifact."""
    return load_artifact(artifact)[1]


def try_case(artifact, seed):
    """Opens and runs a mutated file; returns its kind and what came of it."""
    rng = random.Random(seed)
    artifact = pathlib.Path(artifact)
    kind = rng.choice(("whole_file", "spec", *["fields"] * 4, *_BYTES))
    content, spec = model_bytes(artifact), read_spec(artifact)
    path = artifact.with_name(f"mutated_{os.getpid()}.onnx")
    if kind == "whole_file":
        path.write_bytes(mutated_bytes(artifact.read_bytes(), rng))
    else:
        if kind == "spec":
            spec = mutated_spec(spec, rng) or spec
        elif kind == "fields":
            content = _changed_fields(content, rng)
        else:
            content = MUTATIONS[kind](content, rng)
        path.write_bytes(content)
        write_spec(path, spec)  # With a hash that is right.
    try:
        session = OnnxSession(path)
        for value in rng.sample(range(256), 2):
            frame = np.full((40, 50, 3), value, np.uint8)
            session.step_streams([frame] * session.streams)
        return kind, "ran"
    except ValueError:
        return kind, "refused"
    finally:
        path.unlink()


def _changed_fields(content, rng):
    """A protobuf message that is one, some of whose fields are others."""
    model = onnx.load_from_string(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        message = rng.choice([m for m in _messages(model) if m.ListFields()])
        field, value = rng.choice(message.ListFields())
        if _is_list(value):
            _change_list(value, rng)
        elif field.message_type:
            message.ClearField(field.name)
        elif field.enum_type:
            numbers = field.enum_type.values_by_number
            setattr(message, field.name, rng.choice(list(numbers)))
        else:
            setattr(message, field.name, _another(value, rng))
    return model.SerializeToString()


def _messages(message):
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for each in value if _is_list(value) else [value]:
                yield from _messages(each)


def _is_list(value):
    return hasattr(value, "append")  # Whatever class protobuf has for them.


def _change_list(items, rng):
    how, where = rng.randrange(3), rng.randrange(len(items))
    if how == 0:
        del items[where]
    elif how == 1:
        items.append(items[where])
    elif hasattr(items[where], "ListFields"):
        items.sort(key=lambda item: rng.random())
    else:
        items[where] = _another(items[where], rng)


def _another(value, rng):
    if isinstance(value, str):
        return rng.choice(_WORDS)
    if isinstance(value, bytes):
        return rng.choice((b"", b"x", value[:-4], value + b"xxxx"))
    if isinstance(value, float):
        return rng.choice((0.0, float("nan"), 1e30))
    return rng.choice((value // 2, *_INTEGERS))


def _run_child(artifact, first, end):
    """Returns the words of each case's line, and how the process ended."""
    roots = [pathlib.Path(__file__).parent, *filter(None, sys.path)]
    process = subprocess.run(
        [sys.executable, "-c", _CHILD, *map(str, (artifact, first, end))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        capture_output=True,
        text=True,
        errors="replace",
    )
    lines = process.stdout.splitlines()
    came = [line.split() for line in lines if line.startswith("case ")]
    return came, process.returncode, process.stderr[-500:]


@pytest.mark.slow
def test_no_mutated_file_ends_the_process(artifact):
    came, status, error = _run_child(artifact, 0, 400)
    assert status == 0, f"case {len(came)}: {error}"
    assert [int(seed) for _, seed, *_ in came] == list(range(400))
    kinds = collections.Counter(kind for *_, kind, _ in came)
    outcomes = collections.Counter(outcome for *_, outcome in came)
    assert set(kinds) == {"whole_file", "spec", "fields", *_BYTES}
    assert set(outcomes) == {"ran", "refused"}
    assert min(kinds.values()) > 10 and min(outcomes.values()) > 40


def _no_groups(model):
    """ONNX Runtime notices it when the convolution is to run."""
    node = next(
        node
        for node in model.graph.node
        if any(a.name == "group" and a.i > 1 for a in node.attribute)
    )
    next(a for a in node.attribute if a.name == "group").i = 1


def test_what_only_a_step_brings_to_light_is_refused_at_once(artifact):
    model, spec = (
        onnx.load_from_string(model_bytes(artifact)),
        read_spec(artifact),
    )
    _no_groups(model)
    artifact.write_bytes(model.SerializeToString())
    write_spec(artifact, spec)
    with pytest.raises(ArtifactError, match="sound.onnx: .*cannot run"):
        OnnxSession(artifact)
