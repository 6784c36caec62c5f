"""Describes a preset folder or an artifact: `tsm info PATH`."""

import math
import pathlib
from collections.abc import Sequence

import numpy as np
from absl import flags

from tsm_live.artifact.file import read_spec
from tsm_live.artifact.spec import ArtifactSpec, TensorSpec

FLAGS = flags.FlagValues()


def main(arguments: Sequence[str]) -> None:
    """Prints a description of a preset or an artifact.

    Raises:
        flags.Error: If the number of arguments is not one.
        FileNotFoundError: If PATH does not exist.
        ValueError: If PATH is neither a preset nor an artifact.
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
            *(
                (f"{name} labels".strip(), ", ".join(labels) or "none")
                for name, labels in description["config"].label_lists.items()
            ),
            *sorted(description["versions"].items()),
            *description["provenance"].items(),
        ),
        describe(load_preset(path)),
    ]
    return "\n".join(lines)


def _describe_artifact(path: pathlib.Path, spec: ArtifactSpec) -> str:
    rows = [
        ("size on disk", _bytes(path.stat().st_size)),
        ("task, kind", f"{spec.task}, {spec.kind}"),
        ("quantization", spec.quantization),
        ("frames", f"RGB in 0..255, upright, {spec.layout}"),
        ("resize, crop", f"{spec.resize_size}, {spec.image_size}"),
        ("frame interval", _interval(spec.frame_interval)),
        ("segments", str(spec.num_segments)),
        *([("delay", _delay(spec))] if spec.delay else []),
        ("caches", _cache_memory(spec)),
    ]
    for head in spec.heads:
        rows.append((f"labels of {head.name}", ", ".join(head.labels)))
        if head.no_gesture:
            rows.append(("no gesture", ", ".join(head.no_gesture)))
    if spec.detection:
        rows.append(("labels of objects", ", ".join(spec.labels)))
        rows.append(("boxes", _boxes(spec)))
    else:
        numbers = (f"{name} {value:g}" for name, value in spec.decision.items())
        decision = ", ".join(numbers) or "the defaults of tsm-live"
        rows.append(("decision", decision))
    rows += [
        ("preset", spec.preset_hash or "unknown"),
        ("model", spec.model_hash),
        *sorted(spec.versions.items()),
    ]
    lines = [f"artifact {path}", *_rows(*rows)]
    for way, tensors in (("inputs", spec.inputs), ("outputs", spec.outputs)):
        lines.append(f"  {way}")
        lines += [f"    {_tensor(tensor)}" for tensor in tensors]
    return "\n".join(lines)


def _cache_memory(spec):
    caches = spec.caches
    size = sum(
        math.prod(cache.shape) * np.dtype(cache.dtype).itemsize
        for cache in caches
    )
    return f"{len(caches)}, {size / 1e3:.1f} KB" if caches else "none"


def _delay(spec):
    seconds = spec.delay * spec.frame_interval
    return f"{spec.delay} frames" + (f", {seconds:.2g} s" if seconds else "")


def _boxes(spec):
    rule = spec.detection
    return (
        f"stride {rule.stride}, score at least {rule.threshold:g}, at most "
        f"{rule.top} per frame"
    )


def _interval(seconds):
    return f"{seconds:g} s" if seconds else "unknown, so every frame"


def _tensor(tensor: TensorSpec) -> str:
    shape = "x".join(map(str, tensor.shape))
    facts = []
    if tensor.scale:
        facts += [
            f"scale {tensor.scale:.6g}",
            f"zero point {tensor.zero_point}",
        ]
    if tensor.fed_by:
        frames = tensor.frames or "all"
        facts += [f"frames remembered: {frames}", f"fed by {tensor.fed_by}"]
    if tensor.late:
        facts.append(f"{tensor.late} frames late")
    row = f"{tensor.name:16}{tensor.role:14}{shape:16}{tensor.dtype:9}"
    return f"{row}{', '.join(facts)}".rstrip()


def _rows(*pairs):
    return [f"  {name:20}{value}" for name, value in pairs]


def _bytes(size):
    return f"{size / 1e6:.2f} MB"
