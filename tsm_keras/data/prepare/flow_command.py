"""Computes the optical flow of videos: `tsm flow --data=VIDEOS --to=FLOW`.

VIDEOS is a prepared data set or a folder that `tsm train` takes. FLOW receives
SPLIT/CLASS/CLIP/flow_x_00001.jpg, flow_y_00001.jpg and so on, as the tools of
TSN write them. To continue an interrupted run, run the same command again.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from absl import flags

from tsm_keras.atomic_file import atomic_file, atomic_folder
from tsm_keras.command_flags import expect_values
from tsm_keras.data.readers.clip_reader import (
    ClipReader,
    open_clips,
    split_names,
)
from tsm_keras.data.readers.flow_reader import (
    FLOW_FILE,
    X_PATTERN,
    Y_PATTERN,
    holds_flow,
    read_flow_file,
)
from tsm_keras.data.storage.local_folder import local_folder
from tsm_keras.data.storage.same_settings import expect_same_settings
from tsm_keras.data.video.optical_flow import FLOW_METHODS, flow_function
from tsm_keras.progress import progress_bar

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "data",
    None,
    "Prepared data set, folder with train/, val/ and test/, or folder of class "
    "folders.",
    flag_values=FLAGS,
)
flags.DEFINE_string("to", None, "Folder to write.", flag_values=FLAGS)
flags.DEFINE_enum(
    "method",
    "dis",
    FLOW_METHODS,
    "Method of optical flow: dis, or tvl1 as in the papers, which needs "
    "opencv-contrib.",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "size", 256, "Short side of the frames in pixels.", flag_values=FLAGS
)

_QUALITY = 95


def main(arguments: Sequence[str]) -> None:
    """Writes the flow of every split.

    Raises:
        flags.Error: If a required flag is missing, or there are positional
            arguments.
        ImportError: If the installed OpenCV lacks the method.
        ValueError, OSError: If the data or a setting is wrong.
    """
    if arguments:
        raise flags.Error(f"unexpected arguments {list(arguments)}")
    expect_values(FLAGS, "data", "to")
    if FLAGS.size < 16:
        raise ValueError(
            f"`size` must be at least 16. Received: size={FLAGS.size}"
        )
    flow_function(FLAGS.method)  # Raises if OpenCV lacks the method.
    path, target = local_folder(FLAGS.data), local_folder(FLAGS.to)
    splits: Sequence[str | None] = split_names(path) or [None]
    work = {
        target / (split or ""): open_clips(path, split, verbose=True)
        for split in splits
    }
    for folder, clips in work.items():  # Check all before computing any.
        _check_folder(folder, _settings(clips, FLAGS.method, FLAGS.size))
    for split, (folder, clips) in zip(splits, work.items(), strict=True):
        with progress_bar(f"computing the flow of {split or path}") as progress:
            write_flow(
                clips,
                folder,
                method=FLAGS.method,
                short_side=FLAGS.size,
                progress=progress,
            )
        print(f"wrote {folder}")


def write_flow(
    clips: ClipReader,
    folder: pathlib.Path,
    *,
    method: str = "dis",
    short_side: int = 256,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes the optical flow of clips, several at a time.

    The folder of a clip appears when it is complete.

    Args:
        clips: A reader from `open_clips`.
        folder: The folder to write. Clips that it already has are kept.
        method: As in `flow_function`.
        short_side: Length in pixels that the short side of the frames is
            resized to before the flow is computed.
        progress: Called with the number of clips done and of all clips.

    Raises:
        ValueError: If two clips of a class have the same name, or the folder
            was begun with other settings or another source.
        ImportError: If the installed OpenCV lacks the method.
    """
    described = clips.describe(np.arange(clips.num_clips))
    counts = described["num_frames"].numpy()
    names = [
        f"{clips.label_names[label]}/{pathlib.PurePath(path).stem}"
        for label, path in zip(
            described["label"].numpy(), clips.clip_names, strict=True
        )
    ]
    if twice := [n for n, k in collections.Counter(names).items() if k > 1]:
        raise ValueError(
            "`clips` must have different names within a class, also without "
            f"their suffixes. Received twice: {twice[:5]}"
        )
    settings = _settings(clips, method, short_side)
    _check_folder(folder, settings)
    # This comes first, so that an interrupted run has its settings stored.
    rates = described["frame_rate"].numpy().tolist()
    _write_description(
        folder, clips, settings, dict(zip(names, rates, strict=True))
    )

    def write(number):
        to = folder / names[number]
        if not to.is_dir():
            indices = np.arange(counts[number], dtype=np.int32)
            frames = clips.iterate(number, indices, short_side)
            _write_clip(to, frames, flow_function(method))

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        running = [pool.submit(write, number) for number in range(len(names))]
        try:
            finished = concurrent.futures.as_completed(running)
            for done, future in enumerate(finished, start=1):
                future.result()
                if progress:
                    progress(done, len(names))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _settings(clips, method, short_side):
    """Returns all settings that the flow depends on."""
    return {
        "method": method,
        "size": short_side,
        "source_sha256": clips.content_hash,
    }


def _check_folder(folder, settings):
    """Raises a ValueError if the folder has flow of other settings."""
    if (folder / FLOW_FILE).is_file():
        expect_same_settings(folder, read_flow_file(folder), settings)
    elif holds_flow(folder):
        raise ValueError(
            f"{folder} has flow but no {FLOW_FILE} that says how it was "
            "computed. Choose another folder."
        )


def _write_description(folder, clips, settings, frame_rates):
    mirrored = clips.mirrored_labels
    description = settings | {
        "frame_rates": frame_rates,
        "flip_pairs": None
        if mirrored is None
        else [
            (clips.label_names[label], clips.label_names[other])
            for label, other in enumerate(mirrored)
            if label < other
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / FLOW_FILE) as temporary:
        temporary.write_text(json.dumps(description, indent=1), "utf-8")


def _write_clip(folder, frames, flow):
    with atomic_folder(folder) as temporary:
        first = last = next(frames)
        for number, frame in enumerate(frames, start=1):
            _write_pair(temporary, number, flow(last, frame))
            last = frame
        if last is first:  # In a clip of one frame nothing moves.
            _write_pair(temporary, 1, flow(first, first))


def _write_pair(folder, number, pair):
    for axis, pattern in enumerate((X_PATTERN, Y_PATTERN)):
        _, jpeg = cv2.imencode(
            ".jpg",
            np.ascontiguousarray(pair[..., axis]),
            (cv2.IMWRITE_JPEG_QUALITY, _QUALITY),
        )
        (folder / (pattern % number)).write_bytes(jpeg.tobytes())
