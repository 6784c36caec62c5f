"""Describes a preset folder or an artifact: `tsm info PATH`."""

import pathlib
from collections.abc import Sequence

from absl import flags

from tsm_live.artifact.file import read_spec
from tsm_live.artifact.spec import ArtifactSpec

FLAGS = flags.FlagValues()


def main(arguments: Sequence[str]) -> None:
    """Prints what PATH is.

    Raises:
        flags.Error: If there is not one argument.
        FileNotFoundError: If there is nothing at PATH.
        ValueError: If it is neither a preset nor an artifact.
    """
    if len(arguments) != 1:
        raise flags.Error("expected one PATH: tsm info PATH")
    path = pathlib.Path(arguments[0])
    if not path.exists():
        raise FileNotFoundError(f"There is nothing at {path}.")
    if path.is_dir():
        print(_describe_preset(path))
    else:
        print(_describe_artifact(path, read_spec(path)))


def _describe_preset(path):
    from tsm_keras.models.presets import load_preset, read_description
    from tsm_keras.models.summary import describe

    description = read_description(path)
    size = sum(file.stat().st_size for file in path.iterdir())
    lines = [
        f"preset {path}",
        *_rows(
            ("size on disk", _bytes(size)),
            ("labels", ", ".join(description["config"].labels) or "none"),
            *sorted(description["versions"].items()),
            *description["provenance"].items(),
        ),
        describe(load_preset(path)),
    ]
    return "\n".join(lines)


def _describe_artifact(path: pathlib.Path, spec: ArtifactSpec) -> str:
    tensors = [spec.frame, *spec.caches, spec.logits]
    lines = [
        f"artifact {path}",
        *_rows(
            ("size on disk", _bytes(path.stat().st_size)),
            ("kind", spec.kind),
            ("quantization", spec.quantization),
            ("labels", ", ".join(spec.labels)),
            ("frame range", "0..255 RGB"),
            ("frame interval", f"{spec.frame_interval} s"),
            ("resize, crop", f"{spec.resize_size}, {spec.image_size}"),
            ("layout", spec.layout),
            ("preset", spec.preset_hash or "unknown"),
            *sorted(spec.versions.items()),
        ),
    ]
    for tensor in tensors:
        quantized = (
            f"scale {tensor.scale:.6g}, zero point {tensor.zero_point}"
            if tensor.dtype == "int8"
            else ""
        )
        shape = "x".join(map(str, tensor.shape))
        lines.append(f"  {tensor.name:16}{shape:16}{tensor.dtype:9}{quantized}")
    return "\n".join(lines)


def _rows(*pairs):
    return [f"  {name:16}{value}" for name, value in pairs]


def _bytes(size):
    return f"{size / 1e6:.2f} MB"
