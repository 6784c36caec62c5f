"""Mutates artifacts: bytes, words, fields of the flatbuffer, the spec."""

import json
import pathlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tsm_live.artifact.spec_json import spec_from_json, spec_to_json

_INTEGERS = (0, 1, -1, 2, 3, 7, 64, 127, 128, 255, -128, 1000, 10**6)
_INTEGERS += (2**15, 2**31 - 1, -(2**31))
_FLOATS = (0.0, -1.0, float("nan"), float("inf"), 1e-30, 1e30)


def model_bytes(artifact: pathlib.Path) -> bytes:
    """Returns the model of an artifact, without the archive behind it."""
    content = artifact.read_bytes()
    return content[: content.index(b"PK\3\4")]


def mutated_spec(spec, rng):
    """Returns the spec with one field changed, or None if that is invalid."""
    fields = json.loads(spec_to_json(spec))
    target = fields
    while True:
        key = rng.choice(
            list(target) if isinstance(target, dict) else range(len(target))
        )
        value = target[key]
        if isinstance(value, (dict, list)) and value and rng.random() < 0.8:
            target = value
            continue
        target[key] = rng.choice((*_INTEGERS, *_FLOATS, None, "", "x", [], {}))
        break
    try:
        return spec_from_json(json.dumps(fields))
    except ValueError:
        return None


def mutated_bytes(content, rng):
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
    """Returns a random place, mostly near the ends, where few weights are."""
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
    """Returns a valid flatbuffer in which some fields have other values."""
    while True:
        model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            _change(*rng.choice(_all_fields(model)), rng)
        try:
            return packed(model)
        except Exception:  # If the model cannot be packed, try again.
            continue


def _constants(content, rng):
    """Changes shapes, axes, paddings and strides, which are integer tensors."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    integers = [
        tensor
        for tensor in model.subgraphs[0].tensors
        if tensor.type == schema.TensorType.INT32
        and (tensor.quantization is None or tensor.quantization.scale is None)
        and model.buffers[tensor.buffer].data is not None
    ]
    for _ in range(rng.choice((1, 1, 2, 4))):
        buffer = model.buffers[rng.choice(integers).buffer]
        values = np.array(buffer.data, np.uint8).view(np.int32)
        where = rng.randrange(len(values))
        values[where] = rng.choice((*_INTEGERS, int(values[where]) + 1))
        buffer.data = values.view(np.uint8)
    return packed(model)


def _shapes(content, rng):
    """Changes the shapes of tensors, and the data of constants to match."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    for _ in range(rng.choice((1, 1, 2))):
        tensor = rng.choice(model.subgraphs[0].tensors)
        old = [] if tensor.shape is None else [int(n) for n in tensor.shape]
        place = rng.randrange(len(old) + 1)
        new = rng.choice(
            (
                rng.sample(old, len(old)),
                [*old, 1],
                [int(np.prod(old))],
                [*old[:place], rng.choice((1, 2, 9, 1000)), *old[place + 1 :]],
                [*old[:place], *old],
            )
        )
        buffer = model.buffers[tensor.buffer]
        size = np.prod(new, dtype=np.int64) / np.prod(old, dtype=np.int64)
        if buffer.data is not None and size < 1000:
            data = np.asarray(buffer.data, np.uint8)
            buffer.data = np.resize(data, round(len(data) * size))
        tensor.shape = new
    return packed(model)


def _scales(content, rng):
    """Changes scales to other plausible values, also to one per channel."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    quantized = [
        tensor.quantization
        for tensor in model.subgraphs[0].tensors
        if tensor.quantization is not None
        and tensor.quantization.scale is not None
    ]
    for numbers in rng.sample(quantized, min(len(quantized), 2)):
        count = rng.choice((len(numbers.scale), 1, 1, 2, 8))
        scale = 10.0 ** rng.uniform(*rng.choice(((-4, 1), (-10, 7), (-38, 38))))
        numbers.scale = np.full(count, scale, np.float32)
        numbers.zeroPoint = np.full(count, rng.choice((0, 0, -128)), np.int64)
        numbers.quantizedDimension = rng.randrange(4)
    return packed(model)


def _operands(content, rng):
    """Changes the inputs of operators, or their kinds."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(content), 0)
    (graph,) = model.subgraphs
    for _ in range(rng.choice((1, 1, 2))):
        operator = rng.choice(graph.operators)
        inputs = [int(i) for i in operator.inputs]
        inputs[rng.randrange(len(inputs))] = rng.randrange(len(graph.tensors))
        operator.inputs = inputs
        if rng.random() < 0.2:
            operator.opcodeIndex = rng.randrange(len(model.operatorCodes))
    return packed(model)


def packed(model: schema.ModelT) -> bytes:
    """Returns the flatbuffer of a model."""
    builder = flatbuffers.Builder(1 << 20)
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


# The mutations of a model without its archive, by name.
MUTATIONS = {
    "fields": _fields,
    "constants": _constants,
    "shapes": _shapes,
    "scales": _scales,
    "operands": _operands,
    "words": _words,
    "bytes": mutated_bytes,
    "splice": _splice,
    "cut": lambda content, rng: content[: rng.randrange(len(content))],
    "random": _random,
}
