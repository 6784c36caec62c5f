"""read_file_name: reads a network's properties from a published file's name."""

import re
from typing import Any

from tsm_keras.models.backbones.x3d import X3D_NETWORKS

# The names come from the TSM authors' main.py (`store_name`), their online demo
# and the configs of mmaction2 (version 1 has `-`, version 0 has `_`).
_TSM = re.compile(
    r"TSM_(?P<dataset>[^_]+)_(?P<modality>RGB|Flow|RGBDiff)_[^_]+"
    r"(?:_shift(?P<shift_div>\d+)_(?P<place>[a-z]+))?(?P<pool>_tpool)?"
    r"_(?P<consensus>[a-z]+)_segment(?P<num_segments>\d+)_e\d+"
)
_TSM_ONLINE = re.compile(r"mobilenetv2_(?P<dataset>[a-z0-9]+)_online")
_MMACTION2 = re.compile(
    r"(?P<kind>tsm|tsn)[-_].*[-_]\d+x\d+x(?P<num_segments>\d+)[-_](?:.*[-_])?"
    r"(?P<dataset>kinetics\d+|sthv\d|jester|mit|ucf101|hmdb51)[-_](?:rgb|flow)"
)
# timm's names state how some of its mobile networks differ from the others.
_TIMM = re.compile(r"(?P<tf>tf_)?(efficientnet_lite\d|mobilenetv[34]_)")
_TIMM_HALF = re.compile(
    r"tf_|mobilenetv3_large_100.*ra4|mobilenetv4_conv_small.*e3600"
)
_X3D = re.compile(r"(?:^|[^a-z])(x3d_(?:xs|s|m|l|xl))(?![a-z])", re.IGNORECASE)
# The MixTConv authors' main.py (`store_name`).
_MIXTCONV = re.compile(
    r"(?P<dataset>[^_/]+)_RGB_[^_]+_ops_.*?_(?P<shift_div>\d+)_[a-z]+_"
    r"segment(?P<num_segments>\d+)_e\d+"
)
_MMACTION2_NON_LOCAL = re.compile(r"[-_]nl[-_]([a-z]+[-_])?(gaussian|product)")


def read_file_name(name: str) -> dict[str, Any]:
    """Returns the properties of a network that the name of its file states.

    Args:
        name: The name of a file, with or without folder and suffix.

    Returns:
        Some of `shift` (`"bidirectional"` or `"none"`; `"causal"` for the
        online demo), `shift_div`, `placement`, `num_segments`, `image_size`,
        `frame_interval`, `dataset`, `non_local_mode`, `stride_padding`,
        `batch_norm_epsilon`, `pixel_mean`, `pixel_std`, and `unsupported`,
        which lists the parts of the network that this package lacks. The
        result is empty if the name follows no known convention.
    """
    for pattern, read in (
        (_TSM, _read_tsm),
        (_TSM_ONLINE, _read_tsm_online),
        (_MIXTCONV, _read_mixtconv),
        (_X3D, _read_x3d),
        (_MMACTION2, _read_mmaction2),
        (_TIMM, _read_timm),
    ):
        match = pattern.search(name)
        if match:
            stated = read(match)
            return {key: value for key, value in stated.items() if value}
    return {}


def _read_tsm(match):
    place = match["place"]
    unsupported = {
        "temporal pooling": match["pool"],
        "RGB differences": match["modality"] == "RGBDiff",
        f"consensus {match['consensus']!r}": match["consensus"] != "avg",
        f"shift place {place!r}": place not in (None, "blockres", "block"),
    }
    return {
        "dataset": match["dataset"],
        "num_segments": int(match["num_segments"]),
        # The authors' training script has only the bidirectional shift.
        "shift": "bidirectional" if place else "none",
        "shift_div": place and int(match["shift_div"]),
        "placement": {"blockres": "residual", "block": "inplace"}.get(place),
        "unsupported": [what for what, found in unsupported.items() if found],
    }


def _read_tsm_online(match):
    return {"dataset": match["dataset"], "shift": "causal"}


def _read_mixtconv(match):
    return {
        "dataset": match["dataset"],
        "shift_div": int(match["shift_div"]),
        "num_segments": int(match["num_segments"]),
    }


def _read_x3d(match):
    network = X3D_NETWORKS[match[1].lower()]
    fields = ("num_segments", "image_size", "frame_interval")
    return {field: network[field] for field in fields}


def _read_mmaction2(match):
    non_local = _MMACTION2_NON_LOCAL.search(match.string)
    mode = (
        "".join(part or "" for part in non_local.groups()) if non_local else ""
    )
    mode = mode.replace("-", "_")
    return {
        "dataset": match["dataset"],
        "num_segments": int(match["num_segments"]),
        "shift": "bidirectional" if match["kind"] == "tsm" else "none",
        "non_local_mode": mode,
        "unsupported": [f"non-local blocks of mode {mode}"]
        if mode not in ("", "embedded_gaussian")
        else [],
    }


def _read_timm(match):
    stated = {}
    if match["tf"]:
        # Weights that were converted from TensorFlow.
        stated = {"stride_padding": "same", "batch_norm_epsilon": 1e-3}
    if _TIMM_HALF.search(match.string):
        stated |= _input_range(127.5, 127.5)
    elif "miil" in match.string:
        stated |= _input_range(0.0, 255.0)
    return stated


def _input_range(mean, std):
    return {"pixel_mean": (mean,) * 3, "pixel_std": (std,) * 3}
