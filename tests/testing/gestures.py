"""Small sets of generated videos."""

import functools
import pathlib
import tempfile

from tsm_keras.data.gestures.generate import draw_clip, write_clip
from tsm_keras.data.readers.folder import scan_folder

# Two pairs of classes that are easily confused.
LABELS = ("pull", "push", "swipe_left", "swipe_right")


def write_folder(folder, labels=LABELS, clips_per_class=2, seed=0):
    """Writes generated videos as `folder/<class>/<number>.mp4`."""
    folder = pathlib.Path(folder)
    for label_index, label in enumerate(labels):
        (folder / label).mkdir(parents=True)
        for number in range(clips_per_class):
            clip = draw_clip(label, seed + 100 * label_index + number)
            write_clip(folder / label / f"{number}.mp4", clip)
    return folder


@functools.cache
def shared_folder():
    """Returns a scanned folder of 8 videos. Shared: do not change."""
    # The object lives as long as the cache: until the tests end.
    holder = tempfile.TemporaryDirectory()
    videos = scan_folder(write_folder(pathlib.Path(holder.name) / "videos"))
    return videos, holder


def shared_videos():
    """Returns the `VideoFolder` of `shared_folder`."""
    return shared_folder()[0]
