"""unpack and pack: a converted `.tflite` model, to be changed."""

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
