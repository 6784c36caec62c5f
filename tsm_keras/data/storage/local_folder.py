"""local_folder: the path of a file or folder on this machine."""

import os
import pathlib


def local_folder(path: str | os.PathLike[str]) -> pathlib.Path:
    """Returns a path of this machine.

    Raises:
        ValueError: If it is the address of an object store, such as
            `gs://bucket/videos`. Read as a path it would be a folder that does
            not exist.
    """
    scheme, separator, _ = os.fspath(path).partition("://")
    if separator:  # The rest is not shown, because it may hold a password.
        raise ValueError(
            "Files must be in a folder of this machine. Copy them, or mount "
            "the bucket, for example with gcsfuse or mount-s3, and give the "
            "folder that it is mounted at. Received: an address with "
            f"{scheme}://"
        )
    return pathlib.Path(path)
