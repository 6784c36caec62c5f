"""The metadata properties of an ONNX file, without the onnx package.

An ONNX file is a protobuf message (`ModelProto`): a sequence of fields, each
with a key, a length and a value. Each property is a pair of texts in a field of
its own (`metadata_props`), so it is found by stepping over all other fields,
and added by appending: two serialized messages, one after the other, are one
merged message. ONNX Runtime shows the same pairs as `custom_metadata_map`.
"""

import os
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


def read_properties(content: bytes) -> dict[str, tuple[str, int]]:
    """Returns the metadata properties at the end of an ONNX file.

    Properties that another field follows are left out: protobuf would merge
    that field into the model that the properties describe.

    Args:
        content: The bytes of the file.

    Returns:
        For each key its text, and the offset at which its entry starts.

    Raises:
        ValueError: If the bytes are not a protobuf message.
    """
    found = {}
    for start, number, value in _fields(memoryview(content)):
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
    """Yields offset, number and value of each field (empty for numbers)."""
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
