"""The metadata properties of an ONNX file, without the onnx package.

An ONNX file is a protobuf message (`ModelProto`), a row of fields, each a key,
a length and a value. Its properties are pairs of texts in fields of their own
(`metadata_props`), so they are found by stepping over all others, and added by
appending: two serialized messages, one after the other, are one merged message.
What ONNX Runtime calls `custom_metadata_map` is the same.
"""

import os
import pathlib
from collections.abc import Iterator, Mapping

_PROPERTIES = 14  # `ModelProto.metadata_props`, whose entries hold:
_KEY, _VALUE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # Protobuf's wire types.


def append_properties(
    path: str | os.PathLike, properties: Mapping[str, str]
) -> None:
    """Adds metadata properties to an ONNX file."""
    with open(path, "ab") as file:
        for key, value in properties.items():
            entry = _field(_KEY, key.encode()) + _field(_VALUE, value.encode())
            file.write(_field(_PROPERTIES, entry))


def read_properties(
    path: str | os.PathLike,
) -> dict[str, tuple[str, int]]:
    """Returns the metadata properties at the end of an ONNX file.

    Those before another field are left out: whatever follows a property would
    be merged into the model that the property is about.

    Returns:
        Of each key the text, and the offset in the file where the entry
        starts.

    Raises:
        ValueError: If the file is no protobuf message.
        OSError: If it cannot be read.
    """
    content = memoryview(pathlib.Path(path).read_bytes())
    found = {}
    for start, number, value in _fields(content):
        if number == _PROPERTIES:
            entry = {
                number: bytes(part).decode("utf-8")
                for _, number, part in _fields(value)
            }
            found[entry.get(_KEY, "")] = entry.get(_VALUE, ""), start
        else:
            found.clear()
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Yields offset, number and value of each field (numbers as no bytes)."""
    end = 0
    while end < len(message):
        start = end
        key, end = _read_varint(message, start)
        number, wire_type = key >> 3, key & 7
        size = 0
        if wire_type == _VARINT:
            _, end = _read_varint(message, end)
        elif wire_type == _BYTES:
            size, end = _read_varint(message, end)
        elif wire_type in (_FIXED64, _FIXED32):
            end += 8 if wire_type == _FIXED64 else 4
        else:
            raise ValueError(f"not an ONNX file (wire type {wire_type})")
        if number == 0 or end + size > len(message):
            raise ValueError("not an ONNX file, or cut short")
        yield start, number, message[end : end + size]
        end += size


def _read_varint(message, start):
    value = 0
    for index in range(10):  # 7 bits each, of at most 64.
        if start + index >= len(message):
            break
        byte = message[start + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, start + index + 1
    raise ValueError("not an ONNX file, or cut short")


def _field(number, value):
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _varint(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
