"""Reads HMDB51's official lists, `brush_hair_test_split1.txt` and so on."""

from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    list_files,
    read_lines,
    reading,
    sorted_heads,
)

_SPLITS = {"1": "train", "2": "test"}  # Clips with 0 are in no split.


def read_hmdb51(options: SourceOptions) -> Collection:
    """Reads the lists of a fold, one per class.

    A line is `FILE.avi 1`, where 1 means training, 2 test and 0 unused. Videos
    are in one folder per class.
    """
    suffix = f"_test_split{options.fold}.txt"
    clips = []
    for file in list_files(options.list_folder, f"*{suffix}"):
        label = file.name.removesuffix(suffix)
        with reading(file):
            rows = [line.rsplit(maxsplit=1) for line in read_lines(file)]
            numbers = {name: number for name, number in rows}
        for name, number in numbers.items():
            if number in _SPLITS:
                clips.append(
                    ClipSource(f"{label}/{name}", label, _SPLITS[number])
                )
    return Collection(options.root, sorted_heads(clips), tuple(clips))
