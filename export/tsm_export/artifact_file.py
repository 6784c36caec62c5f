"""write_artifact: writes a model file with its spec."""

import os
import pathlib
import tempfile
from collections.abc import Callable

from tsm_keras.atomic_file import atomic_file
from tsm_live.artifact.file import write_spec
from tsm_live.artifact.spec import ArtifactSpec

CheckFile = Callable[[pathlib.Path], None]  # Raises if a file is wrong.


def write_artifact(
    path: str | os.PathLike,
    content: bytes,
    spec: ArtifactSpec,
    check: CheckFile | None = None,
) -> ArtifactSpec:
    """Writes a model and its spec; the file appears when it is complete.

    Args:
        path: The file to write. Missing folders are created.
        content: The bytes of the model.
        spec: The spec to embed.
        check: A function that gets the path of the complete temporary file. If
            it raises an error, nothing is written to `path`.

    Returns:
        The embedded spec.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Runtimes recognise the format by the suffix.
    with atomic_file(path, keep_suffix=True) as temporary:
        temporary.write_bytes(content)
        spec = write_spec(temporary, spec)
        if check:
            check(temporary)
    return spec


def expect_writable(path: str | os.PathLike) -> None:
    """Checks that a file can be written, before any work is done.

    Raises:
        OSError: If `path` is a folder, or a file cannot be created there.
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
