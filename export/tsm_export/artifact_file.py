"""write_artifact: a model file with its spec, whole or not at all."""

import os
import pathlib
import tempfile
from collections.abc import Callable

from tsm_keras.atomic_file import atomic_file
from tsm_live.artifact.file import write_spec
from tsm_live.artifact.spec import ArtifactSpec

Check = Callable[[pathlib.Path], None]


def write_artifact(
    path: str | os.PathLike,
    content: bytes,
    spec: ArtifactSpec,
    check: Check | None = None,
) -> ArtifactSpec:
    """Writes a model and its spec; the file appears when it is complete.

    Args:
        path: The file to write. Missing folders are made.
        content: The model.
        spec: What to embed.
        check: Called with the file before it appears; what it raises keeps it
            from appearing.

    Returns:
        The spec as it was embedded.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Runtimes tell the format from the suffix.
    with atomic_file(path, keep_suffix=True) as temporary:
        temporary.write_bytes(content)
        spec = write_spec(temporary, spec)
        if check:
            check(temporary)
    return spec


def expect_writable(path: str | os.PathLike) -> None:
    """Refuses a path that cannot be written, before there is work to lose.

    Raises:
        OSError: If it is a folder, or nothing can be written where it is, or
            where its first missing folder would be.
    """
    path = pathlib.Path(path).absolute()
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder. Expected: a file's path")
    folder = next(folder for folder in path.parents if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}") from error
