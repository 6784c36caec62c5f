"""The metadata properties of an ONNX file, without the onnx package.

An ONNX file is a protobuf message (`ModelProto`): a sequence of fields, each
with a key, a length and a value. Each property is a key and a text in a field
of its own (`metadata_props`). Reading steps over all other fields, and writing
appends to the file, because protobuf reads two serialized messages in a row as
one merged message. ONNX Runtime calls the properties `custom_metadata_map`.
"""

import os
from collections.abc import Iterator, Mapping

_PROPERTIES = 14  # The number of the field `ModelProto.metadata_props`.
_KEY, _VALUE = 1, 2  # The numbers of the fields in each of its entries.
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

    A property that is followed by a field of the model is left out, because
    that field would change the model after the property described it.

    Args:
        content: The bytes of the file.

    Returns:
        The text and the offset of the entry in the file, by key.

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
    """Yields offset, number and value of each field; numbers give b""."""
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
    for index in range(10):  # At most 64 bits, 7 in each byte.
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
