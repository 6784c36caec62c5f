"""Fuzzing of `tsm_live`: mutated model files and frames, by seed.

    python -m testing.fuzzing FOLDER FIRST COUNT

tries cases in this process, and prints a line for each: its seed, and what
came of it. FOLDER holds the artifacts to mutate, `*.tflite`.
"""

import collections
import dataclasses
import json
import os
import pathlib
import random
import subprocess
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tsm_live import ArtifactSpec, StreamingSession, read_spec
from tsm_live.spec import write_spec

_INTEGERS = (0, 1, -1, 2, 3, 7, 64, 127, 128, 255, -128, 1000, 10**6)
_INTEGERS += (2**15, 2**31 - 1, -(2**31))
_FLOATS = (0.0, -1.0, float("nan"), float("inf"), 1e-30, 1e30)


@dataclasses.dataclass
class Outcomes:
    """What came of many cases.

    Attributes:
        counts: By kind of case and what came of it.
        deaths: Seed, status and last words of each process that died.
        errors: Errors other than the promised ones.
    """

    counts: collections.Counter
    deaths: list[str]
    errors: list[str]


def fuzz(folder: str | os.PathLike, first: int, count: int) -> Outcomes:
    """Tries `count` cases from seed `first` on, in processes of their own."""
    outcomes = Outcomes(collections.Counter(), [], [])
    end, seed = first + count, first
    while seed < end:
        process = subprocess.run(
            [
                *(sys.executable, "-m", "testing.fuzzing"),
                *(os.fspath(folder), str(seed), str(end - seed)),
            ],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        for line in process.stdout.splitlines():
            number, _, came = line.partition(" ")
            if number == str(seed):  # LiteRT prints lines of its own.
                seed += 1
                outcomes.counts[came.split(": ")[0]] += 1
                if "ERROR" in came:
                    outcomes.errors.append(line)
        if process.returncode:
            words = process.stderr.strip().splitlines()[-1:]
            outcomes.deaths.append(f"{seed}: {process.returncode} {words}")
            seed += 1
    return outcomes


def _main(folder, first, count):
    artifacts = sorted(pathlib.Path(folder).glob("*.tflite"))
    session = StreamingSession(artifacts[0])
    for seed in range(int(first), int(first) + int(count)):
        rng = random.Random(seed)
        if rng.random() < 0.25:
            kind, came = "frame", _try_frame(session, rng)
        else:
            kind, came = _try_file(rng.choice(artifacts), seed, rng)
        print(seed, kind, came, flush=True)


def _try_file(artifact, seed, rng):
    path = artifact.parent / f"mutated_{os.getpid()}"
    kind = rng.choice(tuple(_MUTATIONS))
    content, spec = model_bytes(artifact), read_spec(artifact)
    if kind == "whole_file":
        path.write_bytes(_bytes(artifact.read_bytes(), rng))
    else:
        if kind == "spec":
            spec = _spec(spec, rng)
        if rng.random() < 0.9:
            content = _MUTATIONS[kind](content, rng)
        path.write_bytes(content)
        if spec is not None:
            write_spec(path, spec)  # With a hash that is right.
    try:
        session = StreamingSession(path)
        for _ in range(2):
            frame = np.full((40, 50, 3), rng.randrange(256), np.uint8)
            session.step_streams([frame] * session.streams)
        return kind, "ran"
    except ValueError as error:
        assert str(error), seed
        return kind, "refused"
    except Exception as error:
        return kind, f"ERROR: {type(error).__name__}: {error}".replace(
            "\n", " "
        )
    finally:
        path.unlink(missing_ok=True)


def _try_frame(session, rng):
    shapes = [
        tuple(rng.choice((0, 1, 2, 3, 63, 64, 65, 300, 5000)) for _ in range(n))
        for n in (rng.randrange(5), 2)
    ]
    shape = rng.choice((shapes[0], (*shapes[1], 3)))
    dtype = rng.choice(("uint8",) * 4 + ("float32", "int64", "object", "U3"))
    if np.prod(shape) > 1e8:
        shape = shape[:1]
    frame = np.zeros(shape, dtype)
    if dtype == "uint8":
        frame += np.uint8(rng.randrange(256))
        frame = rng.choice((frame, frame[::-1] if shape else frame, frame.T))
    frame = rng.choice((frame,) * 8 + (None, "frame", 7, frame.tolist()))
    before = session._network.read_state()
    try:
        session.step(frame, color=rng.choice(("rgb", "bgr", "bgr", "yuv", 3)))
        return "ran"
    except ValueError:
        after = session._network.read_state()
        same = all(map(np.array_equal, before, after))
        return "refused" if same else "ERROR: the state was touched"
    except Exception as error:
        return f"ERROR: {type(error).__name__}: {error}".replace("\n", " ")


def model_bytes(artifact: pathlib.Path) -> bytes:
    """Returns the model before the archive of an artifact."""
    content = artifact.read_bytes()
    return content[: content.index(b"PK\3\4")]


def _spec(spec, rng):
    """Returns the spec with some field changed, or None if that is none."""
    fields = json.loads(spec.to_json())
    target = fields
    while True:
        key = rng.choice(
            list(target) if isinstance(target, dict) else range(len(target))
        )
        if isinstance(target[key], (dict, list)) and target[key]:
            if rng.random() < 0.8:
                target = target[key]
                continue
        target[key] = rng.choice((*_INTEGERS, *_FLOATS, None, "", "x", [], {}))
        break
    try:
        return ArtifactSpec.from_json(json.dumps(fields))
    except ValueError:
        return None


def _bytes(content, rng):
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        changed[_place(content, rng)] = rng.randrange(256)
    return bytes(changed)


def _words(content, rng):
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = _place(content, rng) // 4 * 4
        value = rng.choice(_INTEGERS) % 2**32
        changed[place : place + 4] = value.to_bytes(4, "little")
    return bytes(changed)


def _splice(content, rng):
    changed = bytearray(content)
    to, source = _place(content, rng), _place(content, rng)
    count = rng.randrange(1, 200)
    changed[to : to + count] = content[source : source + count]
    return bytes(changed)


def _place(content, rng):
    """What is not weights is mostly near the two ends."""
    ends = min(len(content), 4000), min(len(content), 30000)
    return rng.choice(
        (
            rng.randrange(ends[0]),
            len(content) - 1 - rng.randrange(ends[1]),
            rng.randrange(len(content)),
        )
    )


def _random(content, rng):
    head = rng.choice((b"", b"\x1c\0\0\0TFL3", b"\x18\0\0\0TFL3", content[:40]))
    return head + rng.randbytes(rng.choice((0, 8, 100, 5000)))


def _fields(content, rng):
    """A flatbuffer that is one, with some fields that are not what they were."""
    while True:
        model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            _change(*rng.choice(_all_fields(model)), rng)
        try:
            builder = flatbuffers.Builder(len(content))
            builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
            return bytes(builder.Output())
        except Exception:  # What cannot be packed is another try.
            continue


def _constants(content, rng):
    """Other shapes, axes, paddings and strides, which are integer tensors."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    integers = [
        tensor
        for tensor in model.subgraphs[0].tensors
        if tensor.type == schema.TensorType.INT32
        and tensor.quantization is None
        and model.buffers[tensor.buffer].data is not None
    ]
    for _ in range(rng.choice((1, 1, 2, 4))):
        buffer = model.buffers[rng.choice(integers).buffer]
        values = np.array(buffer.data, np.uint8).view(np.int32)
        where = rng.randrange(len(values))
        values[where] = rng.choice((*_INTEGERS, int(values[where]) + 1))
        buffer.data = values.view(np.uint8)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _all_fields(table):
    found = []
    for name, value in vars(table).items():
        found.append((table, name))
        for item in value if isinstance(value, list) else [value]:
            if hasattr(item, "__dict__"):
                found += _all_fields(item)
    return found


def _change(table, name, rng):
    value = getattr(table, name)
    if isinstance(value, bool):
        value = not value
    elif isinstance(value, int):
        value = rng.choice((*_INTEGERS, value + 1, value - 1))
    elif isinstance(value, float):
        value = rng.choice(_FLOATS)
    elif isinstance(value, bytes):
        value = rng.choice((b"", b"x" * 300))
    elif isinstance(value, (list, np.ndarray)):
        value = _changed_list(list(value), rng)
    elif value is not None:
        value = None
    setattr(table, name, value)


def _changed_list(items, rng):
    if not items:
        return None
    how, where = rng.randrange(6), rng.randrange(len(items))
    if how == 0:
        return None
    if how == 1:
        return items[:where]
    if how == 2:
        return [*items, items[where]]
    if how == 3:
        other = rng.randrange(len(items))
        items[where], items[other] = items[other], items[where]
    elif hasattr(items[where], "__dict__"):
        del items[where]
    elif isinstance(items[where], (int, np.integer)):
        items[where] = rng.choice(_INTEGERS)
    else:
        items[where] = rng.choice(_FLOATS)
    return items


_MUTATIONS = {
    "fields": _fields,
    "constants": _constants,
    "spec": lambda content, rng: content,
    "words": _words,
    "bytes": _bytes,
    "splice": _splice,
    "cut": lambda content, rng: content[: rng.randrange(len(content))],
    "random": _random,
    "whole_file": _bytes,
}


if __name__ == "__main__":
    _main(*sys.argv[1:])
