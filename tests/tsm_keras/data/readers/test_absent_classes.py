"""A model of many classes meets clips of a few of them."""

import numpy as np
import pytest

from testing.gestures import LABELS, shared_videos
from testing.prepared import shared_prepared
from tsm_keras.data.readers.clip_reader import open_clips

# The classes of a model: ours in another order, and two that are not there.
MODEL = ("zoom", *LABELS[::-1], "apart")


def _sources():
    videos = shared_videos()
    folder = videos.paths[0].rsplit("/", 2)[0]
    return {
        "videos": (folder, None),
        "prepared": (shared_prepared().folder, "train"),
    }


@pytest.mark.parametrize("kind", ["videos", "prepared"])
def test_classes_are_matched_by_name(kind):
    folder, split = _sources()[kind]
    alone = open_clips(folder, split)
    found = open_clips(folder, split, label_names=MODEL, may_lack=True)
    assert found.label_names == MODEL
    assert found.clips_per_label[0] == found.clips_per_label[-1] == 0
    assert sum(found.clips_per_label) == found.num_clips == alone.num_clips

    def names(reader):
        labels = [
            int(reader.describe(number)["label"])
            for number in range(reader.num_clips)
        ]
        return sorted(np.array(reader.label_names)[labels])

    assert names(found) == names(alone)


@pytest.mark.parametrize("kind", ["videos", "prepared"])
def test_a_class_that_the_model_does_not_have_is_refused(kind):
    folder, split = _sources()[kind]
    with pytest.raises(ValueError, match="unknown.*'pull'"):
        open_clips(folder, split, label_names=MODEL[:4], may_lack=True)
    with pytest.raises(ValueError, match=r"missing \['apart', 'zoom'\]"):
        open_clips(folder, split, label_names=MODEL)
