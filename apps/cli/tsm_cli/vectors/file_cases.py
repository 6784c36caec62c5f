"""Cases for files: which ones a reader must open, and which ones refuse."""

from typing import Any

import numpy as np

from tsm_cli.vectors.arrays import encode_array


def file_case(
    kind: str,
    name: str,
    artifact: str,
    reason: str,
    *,
    start: int,
    remove: int,
    insert: bytes = b"",
) -> dict[str, Any]:
    """Returns a change of an artifact's bytes.

    Args:
        kind: `"accept"` if a reader must still open the file, or `"refuse"`.
        name: The name of the case.
        artifact: The path of the artifact, relative to the vectors.
        reason: A sentence for people.
        start: The offset of the change.
        remove: The number of bytes that are removed there.
        insert: The bytes that take their place.
    """
    return {
        "kind": kind,
        "name": name,
        "artifact": artifact,
        "reason": reason,
        "start": start,
        "remove": remove,
        "insert": encode_array(np.frombuffer(insert, np.uint8)),
    }
