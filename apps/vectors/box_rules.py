"""The cases of detectors that need no network: boxes and objects."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tsm_cli.vectors.box_cases import decode_case, tracks_case
from tsm_live.artifact.detection import DetectionRule
from tsm_live.artifact.quantization import quantize
from tsm_live.artifact.tensors import DETECTION_ROLES, HEATMAP, TensorSpec

_LABELS = ("ball", "cup", "hand")
_LOW = -9.0  # A logit without an object.


def box_rule_cases() -> list[dict[str, Any]]:
    """Returns the cases, in the order of a frame's way to an event."""
    return [*_decode_cases(), *_tracks_cases()]


def _decode_cases() -> Iterator[dict[str, Any]]:
    for name, heatmap, rule in (
        ("borders and corners", _borders(), DetectionRule(4, 0.3)),
        ("plateaus", _plateaus(), DetectionRule(4, 0.3)),
        ("ties and their order", _ties(), DetectionRule(8, 0.5)),
        ("the best ones of ties", _ties(), DetectionRule(8, 0.5, 5)),
        ("scores at the threshold", *_at_a_threshold(0.7)),
        ("every peak", _noise(3, 6), DetectionRule(16, 0.0)),
        ("no box", np.full((4, 4, 2), _LOW), DetectionRule(16, 0.3)),
        ("one cell", np.full((1, 1, 3), 0.5), DetectionRule(16, 0.3)),
        ("far values", _far_values(), DetectionRule(4, 0.25)),
    ):
        yield _decode(f"decode, {name}", heatmap, rule)
    for size in ((480, 640), (61, 47), (36, 45)):
        name = f"decode, in a frame of {size[0]}x{size[1]}"
        rule = DetectionRule(4, 0.6, 9)
        yield _decode(name, _noise(size[0], 8), rule, (size, 36, 32))
    for dtype, zero_point in (("int8", 40), ("uint8", 168)):
        rule = DetectionRule(4, 0.4, 12)
        frame = (480, 640), 36, 32
        noise = _noise(zero_point, 8)
        yield _decode(f"decode, {dtype}", noise, rule, frame, dtype, zero_point)


def _decode(name, heatmap, rule, frame=None, dtype="float32", zero_point=0):
    """Returns a case with random sizes and offsets."""
    side, channels = len(heatmap), heatmap.shape[-1]
    rng = np.random.Generator(np.random.PCG64(len(name)))
    values = (
        heatmap,
        4 * rng.random((side, side, 2)),
        rng.random((side, side, 2)),
    )
    scales = 0.1, 1 / 64, 1 / 256
    tensors, outputs = {}, {}
    for role, value, scale in zip(DETECTION_ROLES, values, scales, strict=True):
        is_heatmap = role == HEATMAP
        zero = zero_point if is_heatmap else {"int8": -128}.get(dtype, 0)
        tensor = TensorSpec(
            role,
            (1, *value.shape),
            dtype,
            0.0 if dtype == "float32" else scale,
            zero,
            role=role,
            labels=_LABELS[:channels] if is_heatmap else (),
        )
        tensors[role] = tensor
        outputs[role] = quantize(value, tensor)
    return decode_case(name, tensors, outputs, rule, frame)


def _noise(seed, side):
    rng = np.random.Generator(np.random.PCG64(seed))
    return 8 * rng.random((side, side, len(_LABELS))) - 6


def _borders():
    """Peaks in all corners, at all edges, and beside each other by label."""
    heatmap = np.full((7, 7, 2), _LOW)
    places = ((0, 0), (0, 3), (0, 6), (3, 0), (3, 6), (6, 0), (6, 3), (6, 6))
    for index, (row, column) in enumerate(places):
        heatmap[row, column, 0] = index / 4
    heatmap[0, 1, 1], heatmap[3, 3, 1], heatmap[3, 4, 1] = 3, 2, 1.75
    return heatmap


def _plateaus():
    """Equal cells: only the first one of a rectangle is a peak."""
    heatmap = np.full((9, 9, 3), _LOW)
    heatmap[0:2, 0:3, 0] = 1
    heatmap[4, 2:7, 0] = 1.25
    heatmap[6:9, 8, 0] = 1.5
    # One plateau around a greater cell, and two that touch at a corner.
    heatmap[2:5, 2:5, 1], heatmap[3, 3, 1] = 1, 2
    heatmap[6:8, 0:2, 1] = heatmap[8, 2, 1] = 0.5
    # No rectangle: the upper right arm begins earlier than the left one.
    heatmap[1, 4, 2] = heatmap[2, 3:5, 2] = heatmap[2, 3, 2] = 0.75
    heatmap[5, 5, 2] = heatmap[6, 4, 2] = heatmap[6, 6, 2] = 0.25
    return heatmap


def _ties():
    heatmap = np.full((6, 6, 3), _LOW)
    heatmap[1::2, 1::2, :] = 1
    heatmap[3, 3, 1] = 1.5
    heatmap[5, 1, :] = 0  # A score of 0.5, which is the threshold.
    return heatmap


def _at_a_threshold(threshold):
    """Returns logits whose scores are around a threshold in float32."""
    least = np.float32(threshold)
    assert float(least) < threshold  # Comparing in float64 would drop it.
    logit = np.float32(np.log(threshold / (1 - threshold)))
    around = logit + np.arange(-8, 9) * np.spacing(logit)
    scores = (1 / (1 + np.exp(-around.astype(np.float64)))).astype(np.float32)
    assert {float(np.sign(score - least)) for score in scores} == {-1, 0, 1}
    cells = np.full(25, np.float32(_LOW))
    cells[: around.size] = around
    heatmap = np.full((10, 10, 1), np.float32(_LOW))
    heatmap[::2, ::2, 0] = cells.reshape(5, 5)
    return heatmap, DetectionRule(4, threshold)


def _far_values():
    """Infinite values, and values that are not numbers (NaN)."""
    heatmap = np.full((8, 8, 2), _LOW)
    heatmap[1, 1, 0], heatmap[1, 5, 0] = np.inf, 1e30
    heatmap[5, 1, 0], heatmap[5, 5, 0] = 700, 88
    heatmap[6, 3, 0] = -np.inf
    heatmap[3, 3, 1], heatmap[3, 4, 1], heatmap[6, 6, 1] = np.nan, 5, 1
    heatmap[0, 7, 1] = np.nan
    return heatmap


def _tracks_cases() -> Iterator[dict[str, Any]]:
    def ball(x, score=0.75, y=0.0):
        return "ball", score, (x, y, x + 16.0, y + 16.0)

    def cup(x, score=0.75, y=0.0):
        return "cup", score, (x, y, x + 16.0, y + 16.0)

    still = [ball(0)]
    beside = [still] * 2 + [[ball(9.0)]] * 4  # The overlap is 7 / 25.
    for name, frames, rules, resets in (
        ("appear and disappear", [still] * 6 + [[]] * 7, {}, ()),
        ("found too seldom", ([still] * 2 + [[]]) * 4, {}, ()),
        ("missing for a while", [still] * 4 + [[]] * 4 + [still] * 2, {}, ()),
        ("at once", [still, [], still], {"hits": 1, "misses": 1}, ()),
        ("moves", [[ball(9.0 * i)] for i in range(6)], {}, ()),
        ("jumps", [still] * 4 + [[ball(40.0)]] * 6, {"misses": 3}, ()),
        (
            "moves on while it is missing",
            [[ball(8.0 * i)] if i not in (5, 6) else [] for i in range(10)],
            {},
            (),
        ),
        (
            "the motion of an object that was missing",
            [
                *([ball(4.0 * i)] for i in range(4)),
                *([[]] * 2),
                *([ball(30.0 + 10.0 * i)] for i in range(4)),
            ],
            {"overlap": 0.125},
            (),
        ),
        (
            "labels are apart",
            [[ball(0), cup(4)]] * 4 + [[cup(0)]] * 6,
            {},
            (),
        ),
        (
            # Overlaps of 14 / 18 and 13 / 19 with the best box; the last box is
            # left out because of the second one, with 15 / 17.
            "a second label of a box",
            [
                [ball(0, 0.875), cup(2, 0.75)],
                [ball(0, 0.875), cup(3, 0.75)],
                [cup(2, 0.875), ball(0, 0.75)],
                [ball(0, 0.875), cup(2, 0.75), ball(3, 0.625)],
            ]
            * 4,
            {"hits": 1, "misses": 2},
            (),
        ),
        (
            "the better box comes first",
            [[ball(0)]] * 3 + [[ball(4, 0.875), ball(1, 0.625)]] * 4,
            {},
            (),
        ),
        (
            "two objects that pass each other",
            [
                [ball(6.0 * i, 0.875), ball(60.0 - 6.0 * i, 0.625, 4.0)]
                for i in range(11)
            ],
            {"overlap": 0.25},
            (),
        ),
        (
            "the oldest of two that fit alike",
            [[ball(0), ball(16, 0.625)]] * 3 + [[ball(8)]] * 6,
            {"misses": 4},
            (),
        ),
        (
            "two appear in one frame, and two disappear",
            [[cup(40, 0.875), ball(0)]] * 4 + [[]] * 5,
            {},
            (),
        ),
        (
            "score of the end is the highest",
            [[ball(0, s / 16)] for s in (8, 9, 12, 15, 10)] + [[]] * 5,
            {},
            (),
        ),
        ("reset", [still] * 10, {}, (0, 2, 7)),
        ("too little overlap", beside, {"overlap": 0.5}, ()),
        ("enough overlap", beside, {"overlap": 0.25}, ()),
        (
            "no area",
            [[("ball", 0.5, (5.0, 5.0, 5.0, 9.0))]] * 4,
            {},
            (),
        ),
    ):
        ticks = [8 * frame for frame in range(len(frames))]
        yield tracks_case(
            f"tracks, {name}", _LABELS, rules, ticks, frames, resets
        )
