"""BoxedClip: a clip whose frames have boxes in place of a class for the clip.

The keys are those of MediaSequence for regions, and `region/is_ignored` for
boxes that a detector may find but need not, such as crowds.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tsm_keras.data.storage.box_table import BOX, BoxTable
from tsm_keras.data.storage.clip_record import ClipRecord

_SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclasses.dataclass(frozen=True)
class BoxedClip(ClipRecord):
    """A clip with boxes. Its `label` and `label_name` are empty tuples.

    Attributes:
        boxes: The boxes of its frames.
        box_names: The names of the classes of boxes.
    """

    boxes: BoxTable
    box_names: tuple[str, ...]

    def feature_lists(self) -> dict[str, Sequence[Any]]:
        """Returns the keys that have a value for each frame, in order."""
        of_frames = [
            self.boxes.of_frame(frame) for frame in range(len(self.timestamps))
        ]
        sides = {
            f"region/bbox/{side}": [
                np.ascontiguousarray(rows["box"][:, place])
                for rows in of_frames
            ]
            for place, side in enumerate(_SIDES)
        }
        return {
            **super().feature_lists(),
            "region/timestamp": self.timestamps,
            "region/is_annotated": self.boxes.annotated.astype(int).tolist(),
            "region/num_regions": self.boxes.counts.tolist(),
            **sides,
            "region/label/index": [rows["label"] for rows in of_frames],
            "region/label/string": [
                [self.box_names[label] for label in rows["label"]]
                for rows in of_frames
            ],
            "region/track/index": [rows["track"] for rows in of_frames],
            "region/is_ignored": [
                rows["ignored"].astype(np.int64) for rows in of_frames
            ],
        }


def parse_boxes(serialized: bytes) -> BoxTable:
    """Returns the boxes of a record.

    Raises:
        ValueError: If the record has no boxes, or not as many of each value.
    """
    import tensorflow as tf

    example = tf.train.SequenceExample.FromString(serialized)
    lists = example.feature_lists.feature_list

    def values(key):
        return [
            value
            for frame in lists[key].feature
            for value in (frame.int64_list.value or frame.float_list.value)
        ]

    counts = np.array(values("region/num_regions"), np.int32)
    rows = np.empty(counts.sum(dtype=np.int64), BOX)
    for place, side in enumerate(_SIDES):
        rows["box"][:, place] = values(f"region/bbox/{side}")
    rows["label"] = values("region/label/index")
    rows["track"] = values("region/track/index")
    rows["ignored"] = values("region/is_ignored")
    annotated = np.array(values("region/is_annotated"), bool)
    return BoxTable(annotated, counts, rows)
