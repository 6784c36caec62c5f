"""expect_same_settings: a folder that was begun goes on as it was begun."""

import os
from collections.abc import Mapping
from typing import Any


def expect_same_settings(
    folder: str | os.PathLike,
    begun: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Raises a ValueError that says what has changed, if something has.

    Args:
        folder: What is gone on with.
        begun: What was kept when it was begun, as JSON values; more is fine.
        settings: All that its content depends on, as JSON values.
    """
    differences = [
        f"{key} (was {begun.get(key)!r}, is {value!r})"
        for key, value in settings.items()
        if begun.get(key) != value
    ]
    if differences:
        raise ValueError(
            f"{folder} was begun with other settings or another source: "
            f"{'; '.join(differences)}. Use those again, or remove the folder."
        )
