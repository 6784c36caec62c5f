"""Reads UCF101's official lists, `classInd.txt`, `trainlist01.txt`, ..."""

from tsm_keras.data.labels import Head
from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    list_file,
    read_lines,
    reading,
)


def read_ucf101(options: SourceOptions) -> Collection:
    """Reads the train and test list of a fold.

    `classInd.txt` has lines such as `1 ApplyEyeMakeup`. `trainlist01.txt` has
    lines such as `ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1`; in test lists
    the number is missing. These are the paths of the videos.
    """
    folder = options.list_folder
    index = list_file(folder, "classInd.txt")
    with reading(index):
        numbered = [line.split(maxsplit=1) for line in read_lines(index)]
        numbered.sort(key=lambda row: int(row[0]))
        labels = [name for _, name in numbered]
    clips = []
    for split in ("train", "test"):
        file = list_file(folder, f"{split}list{options.fold:02d}.txt")
        for line in read_lines(file):
            path = line.split()[0]
            clips.append(ClipSource(path, path.split("/")[0], split))
    return Collection(options.root, (Head(tuple(labels)),), tuple(clips))
