"""Shared by benchmarks of accuracy: the real clips of four actions.

A folder has clips of a person below a ceiling camera (sitting down, getting
up, lying down, walking) and `manifest.csv`, which has a split by recording and
one by person.
"""

import csv
import pathlib
import tempfile

from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import read_collection
from tsm_keras.data.prepare.plan import make_plan
from tsm_keras.data.prepare.workers import ingest
from tsm_keras.data.storage.image_settings import ImageSettings
from tsm_keras.data.storage.prepared_dataset import is_prepared


def short_side(image_size: int) -> int:
    """Returns the short side from which squares of a size are cropped."""
    return image_size * 9 // 8


def prepare_actions(
    actions: pathlib.Path, folder: str, *, image_size: int, split: str
) -> str:
    """Returns the folder of a prepared data set of small clips.

    It is written unless an earlier run has written it.

    Args:
        actions: The folder of the clips and `manifest.csv`.
        folder: The folder that gets a folder for each size and split.
        image_size: Height and width of the frames of the networks.
        split: How the clips are split, `"session"` or `"person"`.
    """
    folder = f"{folder}/{split}_{image_size}"
    if is_prepared(folder):
        return folder
    with tempfile.TemporaryDirectory() as scratch:
        lists = pathlib.Path(scratch) / "clips.csv"
        with (
            (actions / "manifest.csv").open(encoding="utf-8") as manifest,
            lists.open("w", encoding="utf-8") as file,
        ):
            writer = csv.writer(file)
            writer.writerow(("path", "label", "split"))
            for row in csv.DictReader(manifest):
                writer.writerow(
                    (row["clip"], row["cls"], row[f"split_{split}"])
                )
        options = SourceOptions(actions, lists=lists)
        plan = make_plan(
            read_collection("csv", options),
            name="actions",
            images=ImageSettings(
                short_side=short_side(image_size), max_frame_rate=12.5
            ),
            # Seen from above, no class changes when it is mirrored.
            flip_pairs=(),
        )
        ingest(plan, folder)
    return folder
