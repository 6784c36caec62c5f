"""Reads and changes the content of `.tflite` files."""

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
_OPERATOR_NAMES = {
    code: name
    for name, code in vars(schema.BuiltinOperator).items()
    if isinstance(code, int)
}


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
    code = _code(model.operatorCodes[operator.opcodeIndex])
    return _OPERATOR_NAMES.get(code, str(code))


def op_index(model: Any, name: str, *, version: int = 1) -> int:
    """Returns the index of an op in `model.operatorCodes`; adds a new op."""
    for index, entry in enumerate(model.operatorCodes):
        if _OPERATOR_NAMES.get(_code(entry)) == name:
            return index
    entry = schema.OperatorCodeT()
    entry.builtinCode = getattr(schema.BuiltinOperator, name)
    entry.deprecatedBuiltinCode = entry.builtinCode
    entry.version = version
    model.operatorCodes.append(entry)
    return len(model.operatorCodes) - 1


def _code(entry):
    # Small codes are in a field of one byte, larger ones in the other field.
    return max(entry.builtinCode, entry.deprecatedBuiltinCode)
