"""expect_same_settings: a folder may only be continued as it was begun."""

import os
from collections.abc import Mapping
from typing import Any


def expect_same_settings(
    folder: str | os.PathLike,
    begun: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Raises a ValueError that names the settings that have changed, if any.

    Args:
        folder: The folder to continue.
        begun: The settings that it was begun with, as JSON values; further
            entries are ignored.
        settings: The present values of all settings that determine the
            content of the folder, as JSON values.
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
