"""ProbedVideos, probe_videos: decode each video of a folder only once.

The results are kept in `.tsm_videos.json` in the folder, or in the user's cache
if that folder is not writable. A video is decoded again only if its size, its
modification time or the version of the decoder has changed.
"""

import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import av

from tsm_keras.atomic_file import atomic_file
from tsm_keras.data.video.decoding import (
    VideoError,
    VideoInfo,
    check_readable,
    probe_video,
)

CACHE_FILE = ".tsm_videos.json"
_SAVE_AFTER = 30.0  # Seconds.
# The largest share of the time that is spent on saving, however many videos
# there are.
_SHARE = 0.05
_FORMAT = f"1, PyAV {av.__version__}"


class ProbedVideos:
    """The videos of a folder, each of which is decoded only if it has changed.

    It is a context manager. The results are saved when the block ends, even if
    it ends by an error, and from time to time before that, because the process
    may be killed.

    Args:
        folder: The folder that has all of the videos.
        add_file: Whether to keep the results in the folder even if it has no
            `.tsm_videos.json` yet, and not in the user's cache.

    Without a home there is no user's cache, and then nothing is kept.
    """

    def __init__(self, folder: pathlib.Path, *, add_file: bool = True):
        self._folder = folder
        self._place = _cache_path(folder, add_file)
        self._known = _read(self._place)
        self._found: dict[str, Any] = {}
        self._saving = threading.Lock()
        self._next_save = time.monotonic() + _SAVE_AFTER

    def __enter__(self) -> "ProbedVideos":
        return self

    def __exit__(self, *error: object) -> None:
        self._save()

    def probe(self, path: str) -> VideoInfo | VideoError:
        """Returns what decoding a video shows, or why it cannot be read.

        Threads may call it at the same time.
        """
        name = os.path.relpath(path, self._folder)
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return _probe(path)  # The error says what is wrong.
        identity = [status.st_size, status.st_mtime_ns]
        entry = self._known.get(name)
        if entry is None or entry["file"] != identity:
            info = _probe(path)
            if (entry := _entry(path, info)) is None:
                return info
            entry["file"] = identity
        self._found[name] = entry
        # One thread saves while the others go on.
        is_time = time.monotonic() >= self._next_save
        if is_time and self._saving.acquire(blocking=False):
            try:
                self._save()
            finally:
                self._saving.release()
        return _info(path, entry)

    def _save(self):
        start = time.monotonic()
        known, found = self._known, self._found.copy()
        if any(known.get(name) != entry for name, entry in found.items()):
            self._known = known | found
            _write(self._place, self._known)
        end = time.monotonic()
        self._next_save = end + max(_SAVE_AFTER, (end - start) / _SHARE)


def probe_videos(
    folder: pathlib.Path,
    paths: Sequence[str],
    *,
    stop_at_error: bool,
    progress: Callable[[int, int], None] | None = None,
) -> list[VideoInfo | VideoError]:
    """Returns what decoding each video has shown, or why it cannot be read.

    Args:
        folder: The folder of the class folders.
        paths: The paths of the videos.
        stop_at_error: Whether to raise the first error instead.
        progress: Called after each file with the number of files checked so
            far and the number of all files.
    """
    infos: list[VideoInfo | VideoError] = []
    with (
        ProbedVideos(folder) as videos,
        concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        try:
            for info in pool.map(videos.probe, paths):
                if isinstance(info, VideoError) and stop_at_error:
                    raise info
                infos.append(info)
                if progress:
                    progress(len(infos), len(paths))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return infos


def _probe(path):
    try:
        return probe_video(path)
    except VideoError as error:
        return error


def _entry(path, info):
    """Returns what is kept, or None if the disk may be at fault."""
    if isinstance(info, VideoInfo):
        return dataclasses.asdict(info)
    try:
        check_readable(pathlib.Path(path))
    except OSError:
        return None
    return {"error": info.reason}


def _info(path, entry):
    if "error" in entry:
        return VideoError(path, entry["error"])
    fields = {name: value for name, value in entry.items() if name != "file"}
    key_frames = tuple(map(tuple, fields.pop("key_frames")))
    return VideoInfo(**fields, key_frames=key_frames)


def folder_with_findings(videos: Sequence[str]) -> pathlib.Path:
    """Returns the folder for `ProbedVideos` that has all of these videos.

    It is the nearest one that has a `.tsm_videos.json`, or else the nearest
    one.

    Args:
        videos: The paths of one or more videos.
    """
    nearest = pathlib.Path(
        os.path.commonpath(
            [os.path.dirname(os.path.abspath(path)) for path in videos]
        )
    )
    for folder in (nearest, *nearest.parents):
        if os.path.exists(folder / CACHE_FILE):
            return folder
    return nearest


def _cache_path(folder, add_file):
    file = folder / CACHE_FILE
    if (add_file or os.path.exists(file)) and os.access(folder, os.W_OK):
        return pathlib.Path(os.path.realpath(file))  # It may be a link.
    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if not os.path.isabs(cache):
        return None
    return pathlib.Path(cache) / "tsm-keras" / f"{name}.json"


def _read(path) -> dict[str, Any]:
    """Returns the entries of a file that are whole; a damaged one has none."""
    if path is None:
        return {}
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != _FORMAT:
            return {}
        entries = content["videos"].items()
    except (
        *(OSError, ValueError, KeyError, TypeError, AttributeError),
        RecursionError,
    ):
        return {}
    return {name: entry for name, entry in entries if _is_whole(name, entry)}


def _is_whole(name, entry):
    try:
        _info(name, entry)
        return isinstance(entry["file"], list)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _write(path, videos):
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as temporary:
            content = {"format": _FORMAT, "videos": videos}
            temporary.write_text(json.dumps(content), "utf-8")
    except OSError:
        pass  # The videos will be decoded again.
