"""The cases of changed files, which a reader must open or refuse."""

import io
import json
import pathlib
import zipfile
from collections.abc import Iterator
from typing import Any

from tsm_cli.vectors.file_cases import file_case
from tsm_live.artifact.spec import ArtifactSpec
from tsm_live.artifact.spec_json import spec_to_json


def file_cases(
    path: pathlib.Path, spec: ArtifactSpec
) -> Iterator[dict[str, Any]]:
    """Returns changes of an artifact's bytes.

    Args:
        path: The artifact.
        spec: Its spec.
    """
    size = path.stat().st_size
    model = _model_size(path)
    for name, reason, start, remove, insert in (
        ("empty file", "The file is empty.", 0, size, b""),
        ("cut in the model", "The file is cut.", model // 2, size, b""),
        ("no archive", "There is no spec.", model, size, b""),
        ("cut in the archive", "The file is cut.", size - 30, 30, b""),
        ("a few bytes cut", "The file is cut.", size - 8, 8, b""),
        ("byte of the model", "The hash differs.", 5000, 1, b"\xa5"),
        ("byte before the model", "The hash differs.", 0, 0, b"\0"),
        ("byte after the model", "The hash differs.", model, 0, b"\0"),
        ("text", "The file is no model.", 0, size, b"not a model\n" * 9),
    ):
        remove = min(remove, size - start)
        yield file_case(
            *("refuse", f"refuse, {name}", path.name, reason),
            start=start,
            remove=remove,
            insert=insert,
        )
    yield from _spec_cases(path, spec, _changed_specs())


def detector_file_cases(
    path: pathlib.Path, spec: ArtifactSpec
) -> Iterator[dict[str, Any]]:
    """Returns changes of the spec of a detector; see `file_cases`."""
    yield from _spec_cases(path, spec, _changed_detectors(spec))


def _spec_cases(path, spec, changes):
    """Yields the cases of some changes of an artifact's spec."""
    size, model = path.stat().st_size, _model_size(path)
    for kind, name, reason, change in changes:
        fields = json.loads(spec_to_json(spec))
        change(fields)
        yield file_case(
            *(kind, f"{kind}, {name}", path.name, reason),
            start=model,
            remove=size - model,
            insert=_archive(model, json.dumps(fields)),
        )


def _model_size(path):
    return path.read_bytes().index(b"PK\3\4")


def _setting(*place, to):
    """Returns a change that sets a field."""

    def change(fields):
        for key in place[:-1]:
            fields = fields[key]
        fields[place[-1]] = to

    return change


def _without(*place):
    """Returns a change that removes a field."""

    def change(fields):
        for key in place[:-1]:
            fields = fields[key]
        del fields[place[-1]]

    return change


def _changed_specs():
    """Yields what a reader must do, a name, a reason and a change."""

    def unknown_keys(fields):
        for place in (fields, fields["image"], *fields["inputs"]):
            place["from_a_later_version"] = [1, {"a": None}]

    yield "accept", "unknown keys", "Unknown keys are ignored.", unknown_keys
    for format_number in (4, 0, "3", None):
        yield (
            "refuse",
            f"format {format_number!r}",
            "Only format 3 is known.",
            _setting("format", to=format_number),
        )
    for key, value in (
        ("kind", "picture"),
        ("model_hash", "0" * 64),
        ("frame_interval", -1.0),
        ("frame_interval", "0.1"),
        ("inputs", []),
        ("outputs", []),
    ):
        reason = f"The field {key} is not valid."
        yield "refuse", f"{key} {value!r}", reason, _setting(key, to=value)
    for key, value in (
        ("resize", "long_side"),
        ("shrink", "nearest"),
        ("enlarge", "cubic"),
        ("crop", "random"),
        ("color", "BGR"),
        ("orientation", "stored"),
        ("range", [0, 1]),
        ("resize_size", 31),
    ):
        yield (
            "refuse",
            f"image {key} {value!r}",
            f"The value of image.{key} is not known.",
            _setting("image", key, to=value),
        )
    for key in ("format", "kind", "inputs", "outputs", "image", "model_hash"):
        reason = f"The field {key} is missing."
        yield "refuse", f"without {key}", reason, _without(key)
    yield (
        "refuse",
        "input of an unknown role",
        "An input of an unknown role cannot be fed.",
        _setting("inputs", 1, "role", to="gaze"),
    )
    yield (
        "refuse",
        "cache that nothing feeds",
        "A cache is fed by an output that does not exist.",
        _setting("inputs", 1, "fed_by", to="cache_99_out"),
    )
    yield (
        "refuse",
        "cache of another shape than its output",
        "A cache and the output that feeds it must have the same shape.",
        _setting("inputs", 1, "shape", to=[1, 8, 8, 3]),
    )
    yield (
        "refuse",
        "labels that are not as many as the logits",
        "The number of labels differs from the shape.",
        _setting("outputs", 0, "labels", to=["a", "b"]),
    )


def _changed_detectors(spec):
    """Yields changes of the spec of a detector, as `_changed_specs` does."""
    places = {t.role: i for i, t in enumerate(spec.outputs)}
    heatmap = places["heatmap"]

    def moved(fields):
        fields["outputs"].append(fields["outputs"].pop(0))
        fields["detection"]["from_a_later_version"] = 1

    yield "accept", "outputs in another order", "Roles find outputs.", moved
    yield (
        "refuse",
        "detector of an unknown task",
        "The task is not known.",
        _setting("task", to="segmentation"),
    )
    yield (
        "refuse",
        "detector without its rule",
        "The field detection is missing.",
        _without("detection"),
    )
    for key, value in (
        ("stride", 5),
        ("stride", 8),
        ("threshold", 1.5),
        ("top", 0),
    ):
        yield (
            "refuse",
            f"detection {key} {value}",
            f"The field detection.{key} is not valid for this detector.",
            _setting("detection", key, to=value),
        )
    yield (
        "refuse",
        "detector without a threshold",
        "The field detection.threshold is missing.",
        _without("detection", "threshold"),
    )
    yield (
        "refuse",
        "labels that are not as many as the channels",
        "The number of labels differs from the shape.",
        _setting("outputs", heatmap, "labels", to=["ball", "cup"]),
    )
    yield (
        "refuse",
        "detector without sizes of boxes",
        "An output of a detector is missing.",
        _setting("outputs", places["box_size"], "role", to="box_depth"),
    )


def _archive(start: int, spec: str) -> bytes:
    """Returns the archive that follows a model of `start` bytes."""
    file = io.BytesIO(bytes(start))
    file.seek(start)
    with zipfile.ZipFile(file, "a", allowZip64=False) as archive:
        archive.writestr(zipfile.ZipInfo("spec.json"), spec)
    return file.getvalue()[start:]
