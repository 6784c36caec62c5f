"""Something-Something v2: JSON lists with templates, and WebM files."""

import json

from tsm_keras.data.sources.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    list_file,
)


def read_something_something(options: SourceOptions) -> Collection:
    """Reads the labelled lists.

    `*labels.json` maps a class to its number as text; `*train.json` and
    `*validation.json` have objects with `id` and `template`, which is the
    class with brackets around its blanks. The clip is `ID.webm`. The test list
    has no labels and is left out.
    """
    folder = options.list_folder
    numbers = _read(folder, "*labels.json")
    clips = tuple(
        ClipSource(
            f"{entry['id']}.webm",
            entry["template"].replace("[", "").replace("]", ""),
            split,
        )
        for split, name in (("train", "train"), ("val", "validation"))
        for entry in _read(folder, f"*{name}.json")
    )
    labels = sorted(numbers, key=lambda label: int(numbers[label]))
    return Collection(options.root, tuple(labels), clips)


def _read(folder, pattern):
    path = list_file(folder, pattern)
    return json.loads(path.read_text("utf-8"))
