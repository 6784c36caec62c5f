"""Measures the first and the second start on a folder of videos.

    python -m benchmarks.scale.folders

The bar: the second start takes at most a tenth of the first. The exit status is
1 if it is missed.
"""

import pathlib
import shutil
import tempfile
import time

from absl import app, flags

from tsm_keras.data.gestures.generate import write_gestures
from tsm_keras.data.readers.folder import scan_folder

FLAGS = flags.FLAGS
flags.DEFINE_integer("clips", 2000, "Number of videos.", lower_bound=64)

_SHARE = 0.1


def main(argv):
    if argv[1:]:
        raise app.UsageError(f"Unknown arguments: {argv[1:]}")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_gestures(folder, clips_per_class=1, seed=0)
        originals = sorted(folder.rglob("*.mp4"))
        for number in range(len(originals), FLAGS.clips):
            original = originals[number % len(originals)]
            shutil.copy(original, original.with_name(f"copy{number:05d}.mp4"))
        first, second = _seconds(folder), _seconds(folder)
    print(
        f"{FLAGS.clips} videos: first start {first:.2f} s, second "
        f"{second:.2f} s, bar <= {_SHARE:.0%} of the first"
    )
    return 0 if second <= _SHARE * first else 1


def _seconds(folder):
    start = time.perf_counter()
    scan_folder(folder)
    return time.perf_counter() - start


if __name__ == "__main__":
    app.run(main)
