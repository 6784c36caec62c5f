"""The file of test vectors: its format number, tolerances and cases."""

import json
import os
from collections.abc import Sequence
from typing import Any

from tsm_keras.atomic_file import atomic_file

FORMAT = 1

# By backend; `docs/vectors.md` says what the numbers mean.
TOLERANCES: dict[str, Any] = {
    "pixels": 1,
    "scores": 1e-5,
    "logits": 1e-5,
    "boxes": 1e-3,
    "cpu": {
        "fed": {"float": 1e-5, "integer": 1},
        "free": {"float": 1e-5, "integer": 4},
        "event_scores": 0.02,
        "box_cells": 0.5,
    },
    "gpu": {
        "fed": {"float": 1e-4, "integer": 2},
        "free": {"float": 1e-4, "integer": 8},
        "event_scores": 0.02,
        "box_cells": 1.0,
    },
    "gpu_float16": {
        "fed": {"float": 2e-2, "integer": 4},
        "free": {"float": 2e-2, "integer": 16},
        "event_scores": 0.1,
        "box_cells": 2.0,
    },
}


def write_vectors(
    path: str | os.PathLike, cases: Sequence[dict[str, Any]]
) -> None:
    """Writes a file of test vectors.

    Args:
        path: The file; it appears when it is complete.
        cases: JSON objects, each with a `kind` and a `name`.

    Raises:
        ValueError: If two cases have the same name.
    """
    names = [case["name"] for case in cases]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"Every case must have a name of its own. Received: {twice} twice"
        )
    # One case per line shows in a comparison of two versions what changed.
    lines = [json.dumps(case, allow_nan=False) for case in cases]
    text = (
        f'{{"format": {FORMAT},\n"tolerances": {json.dumps(TOLERANCES)},\n'
        '"cases": [\n' + ",\n".join(lines) + "\n]}\n"
    )
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
