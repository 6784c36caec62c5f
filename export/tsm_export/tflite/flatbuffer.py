"""A converted `.tflite` model, to be read and changed."""

from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from tsm_live.runtimes.model_check import OPERATOR_NAMES

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
    return OPERATOR_NAMES[_code(model.operatorCodes[operator.opcodeIndex])]


def op_index(model: Any, name: str, *, version: int = 1) -> int:
    """Returns where `model.operatorCodes` has an op; adds it if it is new."""
    for index, entry in enumerate(model.operatorCodes):
        if OPERATOR_NAMES[_code(entry)] == name:
            return index
    entry = schema.OperatorCodeT()
    entry.builtinCode = getattr(schema.BuiltinOperator, name)
    entry.deprecatedBuiltinCode = entry.builtinCode
    entry.version = version
    model.operatorCodes.append(entry)
    return len(model.operatorCodes) - 1


def _code(entry):
    # Old codes are in a field of one byte, newer ones in the other.
    return max(entry.builtinCode, entry.deprecatedBuiltinCode)
