"""Artifact files: a model with its spec inside, read once and checked.

An artifact is a `.tflite` file with a ZIP archive appended, the convention by
which TFLite models carry associated files. The archive holds `spec.json` (the
fields of `ArtifactSpec`) and `labels.txt`; `unzip -p model.tflite spec.json`
prints the spec. In an `.onnx` file both are metadata properties with the same
names. The spec holds the hash of the model, so that damage is found before the
file reaches a runtime, which might crash on it.
"""

import dataclasses
import hashlib
import io
import os
import pathlib
import zipfile

from tsm_live.artifact.onnx_properties import append_properties, read_properties
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec
from tsm_live.artifact.spec_json import spec_from_json, spec_to_json

SPEC_MEMBER = "spec.json"
LABELS_MEMBER = "labels.txt"
ONNX_SUFFIX = ".onnx"  # A file with any other suffix is read as TFLite.
_SPEC_LIMIT = 1 << 20  # Bytes; a spec has a few KB.
# A folder with these files is a preset. Older versions wrote the weights under
# the second name.
_CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "model.weights.h5")


def load_artifact(path: str | os.PathLike) -> tuple[ArtifactSpec, bytes]:
    """Reads an artifact and checks its spec and its hash.

    Give the returned bytes to the runtime, not the path: their hash was
    checked, while the file may change later. A runtime that maps a file into
    memory crashes when the file is shortened.

    Args:
        path: A file that `tsm export` wrote.

    Returns:
        The spec, and the bytes of the model without the spec.

    Raises:
        FileNotFoundError: If there is nothing at `path`.
        IsADirectoryError: If `path` is a folder.
        ArtifactError: If the file carries no spec, or the spec or the model is
            damaged.
    """
    path = pathlib.Path(path)
    _expect_file(path)
    content = path.read_bytes()
    try:
        if path.suffix == ONNX_SUFFIX:
            text, size = read_properties(content)[SPEC_MEMBER]
        else:
            text, size = _read_member(content)
    # zipfile raises many kinds of exceptions for a damaged archive.
    except Exception as error:
        raise ArtifactError(
            f"{path} carries no readable spec, so it is not an artifact of "
            f"`tsm export`: {error}"
        ) from error
    spec = spec_from_json(text)
    model = content[:size]
    if _hash(model) != spec.model_hash:
        raise ArtifactError(
            f"The model in {path} is not the one that was exported: the file "
            "is damaged or was changed."
        )
    return spec, model


def read_spec(path: str | os.PathLike) -> ArtifactSpec:
    """Returns the spec of an artifact; raises as `load_artifact` does."""
    spec, _ = load_artifact(path)
    return spec


def write_spec(path: str | os.PathLike, spec: ArtifactSpec) -> ArtifactSpec:
    """Appends `spec` to the model file at `path`.

    The same model and spec always give the same bytes.

    Returns:
        The spec that was written: `spec` with the `model_hash` of the file.
    """
    path = pathlib.Path(path)
    spec = dataclasses.replace(spec, model_hash=_hash(path.read_bytes()))
    members = {SPEC_MEMBER: spec_to_json(spec)}
    if len(spec.heads) == 1 or spec.detection:
        members[LABELS_MEMBER] = "".join(f"{x}\n" for x in spec.labels)
    if path.suffix == ONNX_SUFFIX:
        append_properties(path, members)
        return spec
    with path.open("r+b") as file:
        file.seek(0, os.SEEK_END)  # Offsets count from the start of the file.
        with zipfile.ZipFile(file, "w", allowZip64=False) as archive:
            for name, text in members.items():
                archive.writestr(_member(name), text)
    return spec


def _member(name: str) -> zipfile.ZipInfo:
    """Describes an uncompressed file of the archive, without a real date.

    A reader in another language needs neither decompression nor ZIP64.
    """
    member = zipfile.ZipInfo(name)  # Its date is 1980-01-01.
    member.compress_type = zipfile.ZIP_STORED
    member.create_system = 3  # Always Unix, so that the bytes are the same.
    member.external_attr = 0o644 << 16
    return member


def _expect_file(path: pathlib.Path) -> None:
    if path.is_file():
        return
    if not path.is_dir():
        raise FileNotFoundError(f"There is no model file at {path}.")
    has_weights = any((path / name).is_file() for name in _WEIGHTS)
    if has_weights and (path / _CONFIG).is_file():
        raise IsADirectoryError(
            f"{path} is a preset folder, not an artifact: "
            f"`tsm export {path} --to=FILE.tflite` (or .onnx) converts it."
        )
    raise IsADirectoryError(
        f"{path} is a folder, not a model file of `tsm export`."
    )


def _read_member(content: bytes) -> tuple[str, int]:
    """Returns the text of the spec and the offset of the archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.getinfo(SPEC_MEMBER).file_size
        if size > _SPEC_LIMIT:
            raise ValueError(
                f"{SPEC_MEMBER} must have at most {_SPEC_LIMIT} bytes. "
                f"Received: {size}"
            )
        text = archive.read(SPEC_MEMBER).decode("utf-8")
        return text, min(item.header_offset for item in archive.infolist())


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
