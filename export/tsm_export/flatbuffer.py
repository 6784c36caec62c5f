"""A converted `.tflite` model, to be read and changed."""

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"


def unpack(content: bytes) -> Any:
    """Returns the content of a `.tflite` file as a `schema.ModelT`."""
    return schema.ModelT.InitFromPackedBuf(bytearray(content), 0)


def pack(model: Any) -> bytes:
    """Returns a `schema.ModelT` as the content of a `.tflite` file."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def op_name(model: Any, operator: Any) -> str:
    """Returns the name of an operator's op, e.g. `CONV_2D`."""
    entry = model.operatorCodes[operator.opcodeIndex]
    # Old codes are in a field of one byte, newer ones in the other.
    return _OP_NAMES[max(entry.builtinCode, entry.deprecatedBuiltinCode)]


_OP_NAMES = {
    code: name
    for name, code in vars(schema.BuiltinOperator).items()
    if isinstance(code, int)
}
