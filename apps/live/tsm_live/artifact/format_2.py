"""upgrade: converts the spec of a format 2 artifact to format 3.

Format 2 named one image input (`frame`), one output (`logits`) and the caches
(`caches`). The output that feeds `cache_kk` was always called `cache_kk_out`.
"""

from typing import Any

from tsm_live.artifact.fields import as_list, as_object


def upgrade(old: dict[str, Any]) -> dict[str, Any]:
    """Converts the fields of a format 2 `spec.json` to format 3.

    Args:
        old: The JSON object. A field that is missing or wrong in it is also
            missing or wrong in the result.

    Raises:
        ArtifactError: If a tensor is not described by a JSON object.
    """
    frame = as_object("frame", old.get("frame"))
    logits = as_object("logits", old.get("logits"))
    inputs = [{**frame, "role": "frame" if _is_stream(old) else "clip"}]
    outputs = [
        {**logits, "role": logits.get("name"), "labels": old.get("labels")}
    ]
    for entry in as_list("caches", old.get("caches")):
        cache = as_object("caches", entry)
        name = f"{cache.get('name')}_out"
        inputs.append({**cache, "role": "cache", "frames": 1, "fed_by": name})
        outputs.append({**cache, "role": "cache_out", "name": name})
    image = {
        "layout": old.get("layout", "NHWC"),
        "color": "RGB",
        "range": [0, 255],
        "orientation": "upright",
        "resize": "short_side",
        "resize_size": old.get("resize_size"),
        "shrink": "area",
        "enlarge": "bilinear",
        "crop": "center",
        "crop_size": _width(frame.get("shape")),
    }
    return {
        **{name: old[name] for name in _SAME if name in old},
        "format": 3,
        "task": "classification",
        "inputs": inputs,
        "outputs": outputs,
        "image": image,
        "sampling": "segments",
        "decision": {},
    }


_SAME = (
    "kind",
    "frame_interval",
    "num_segments",
    "quantization",
    "preset_hash",
    "model_hash",
    "versions",
)


def _is_stream(old):
    return old.get("kind") == "stream"


def _width(shape):
    has_width = isinstance(shape, list) and len(shape) > 2
    return shape[2] if has_width else None
