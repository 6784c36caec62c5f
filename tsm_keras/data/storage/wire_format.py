"""Writes the wire format of protocol buffers, as far as records need it.

A field is its number and its content. A map is a repeated field, whose entries
have the fields 1 and 2.
"""

import struct

import numpy as np


def entry(key: str, value: bytes) -> bytes:
    """Returns an entry of a map, which is field 1 of `Features`."""
    return message(1, message(1, key.encode()) + message(2, value))


def feature(value: str | bytes | float | int | list[str] | np.ndarray) -> bytes:
    """Returns a `Feature` with one value, or with all values of a list.

    Args:
        value: The value; a list of texts; or an array of float32 or integers.
    """
    if isinstance(value, list):
        return message(1, b"".join(message(1, text.encode()) for text in value))
    if isinstance(value, np.ndarray):
        if value.dtype == np.float32:
            return message(2, message(1, value.astype("<f4").tobytes()))
        numbers = (_varint(number % (1 << 64)) for number in value.tolist())
        return message(3, message(1, b"".join(numbers)))
    if isinstance(value, str):
        # The name of a file may have bytes that are not UTF-8.
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return message(1, message(1, value))
    if isinstance(value, float):
        return message(2, message(1, struct.pack("<f", value)))
    # A negative number has the bits of two's complement.
    return message(3, message(1, _varint(value % (1 << 64))))


def message(number: int, content: bytes) -> bytes:
    """Returns a field that is a message, or bytes, or a packed number."""
    return b"".join((bytes([number << 3 | 2]), _varint(len(content)), content))


def _varint(value):
    """Returns a number as groups of 7 bits, the lowest ones first."""
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)
