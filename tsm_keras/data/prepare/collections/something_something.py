"""Reads Something-Something v2: JSON lists with templates, and WebM files."""

import json

from tsm_keras.data.labels import Head
from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    list_file,
    reading,
)


def read_something_something(options: SourceOptions) -> Collection:
    """Reads the labelled lists.

    `*labels.json` maps each class to its number, which is text. `*train.json`
    and `*validation.json` hold objects with an `id` and a `template`, which is
    the class name with brackets around its placeholders (`[something]`). The
    clip is `ID.webm`. The test list has no labels and is left out.
    """
    folder = options.list_folder
    clips = []
    for split, name in (("train", "train"), ("val", "validation")):
        path = list_file(folder, f"*{name}.json")
        with reading(path):
            for entry in json.loads(path.read_text("utf-8")):
                label = entry["template"].replace("[", "").replace("]", "")
                clips.append(ClipSource(f"{entry['id']}.webm", label, split))
    path = list_file(folder, "*labels.json")
    with reading(path):
        numbers = json.loads(path.read_text("utf-8"))
        labels = sorted(numbers, key=lambda label: int(numbers[label]))
    return Collection(options.root, (Head(tuple(labels)),), tuple(clips))
