"""file_sizes: which files of a collection are there, and how large they are."""

import errno
import functools
import os
import pathlib
import stat
from collections.abc import Sequence

from tsm_keras.data.prepare.collections.collection import ClipSource
from tsm_keras.data.storage.many_files import for_many_files


def file_sizes(
    root: pathlib.Path, clips: Sequence[ClipSource]
) -> list[int | str]:
    """Returns the size of the file of each clip, or why it cannot be read.

    Sizes are in bytes. A folder of frames has the size 0.

    Args:
        root: The folder that the paths of the clips are relative to.
        clips: The clips.

    Raises:
        OSError: If the file system does not answer.
    """
    return for_many_files(functools.partial(_size, root), clips)


def _size(root, clip):
    try:
        status = os.stat(os.path.join(root, clip.path))
    except (FileNotFoundError, NotADirectoryError):
        return "there is no such file"
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return "there is no such file"
    if stat.S_ISDIR(status.st_mode):
        return 0
    if stat.S_ISREG(status.st_mode) and clip.frame_pattern is None:
        return status.st_size
    # To open a pipe would wait until another program writes to it.
    kind = "regular file" if clip.frame_pattern is None else "folder of frames"
    return f"it is not a {kind}"
