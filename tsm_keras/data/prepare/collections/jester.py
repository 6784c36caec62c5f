"""Reads Jester v1 and Something-Something v1: lists `id;label`, and frames."""

from tsm_keras.data.labels import Head
from tsm_keras.data.prepare.collections.collection import (
    ClipSource,
    Collection,
    SourceOptions,
    list_file,
    read_lines,
)


def read_jester(options: SourceOptions) -> Collection:
    """Reads the labelled lists of both data sets, which share their format.

    `*-labels.csv` has one class per line. `*-train.csv` and `*-validation.csv`
    have lines such as `34870;Drumming Fingers`; this clip is the folder `34870`
    with the frames `00001.jpg` and so on, 12 per second. The test list has no
    labels and is left out.
    """
    folder = options.list_folder
    labels = list_file(folder, "*-labels.csv")
    frames = options.frames("%05d.jpg", 12.0)
    clips = []
    for split, name in (("train", "train"), ("val", "validation")):
        file = list_file(folder, f"*-{name}.csv")
        for line in read_lines(file):
            clip, _, label = line.partition(";")
            clips.append(ClipSource(clip, label.strip(), split, **frames))
    heads = (Head(tuple(read_lines(labels))),)
    return Collection(options.root, heads, tuple(clips))
