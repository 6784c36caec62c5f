"""The cases of rules that need no network: images, numbers, time, events."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tsm_cli.vectors.decision_cases import decision_case, pacing_case
from tsm_cli.vectors.image_cases import fit_case, yuv_case
from tsm_cli.vectors.number_cases import dequantize_case, quantize_case
from tsm_cli.vectors.pictures import random_picture
from tsm_live.artifact.tensors import LOGITS, PROBABILITIES, TensorSpec

_LABELS = ("no_gesture", "swipe_left", "swipe_right", "wave")


def rule_cases() -> list[dict[str, Any]]:
    """Returns the cases, in the order of a frame's way to an event."""
    return [
        *_fit_cases(),
        *_yuv_cases(),
        *_number_cases(),
        *_pacing_cases(),
        *_decision_cases(),
    ]


def _fit_cases() -> Iterator[dict[str, Any]]:
    for height, width, resize_size, crop_size in (
        *((480, 640, 256, 224), (640, 480, 256, 224), (1080, 1920, 256, 224)),
        *((1920, 1080, 292, 256), (719, 1279, 256, 224), (241, 320, 256, 224)),
        *((100, 3200, 36, 32), (7, 9, 7, 7), (1, 32, 64, 64), (3, 5, 4, 1)),
        *((33, 35, 34, 33), (1, 33, 64, 64), (3201, 100, 36, 32)),
    ):
        name = f"fit {height}x{width} to {resize_size}, {crop_size}"
        yield fit_case(name, (height, width), resize_size, crop_size)
    for what, size, resize_size, crop_size in (
        ("shrinks", (54, 72), 36, 32),
        ("shrinks a high image by no whole number", (61, 47), 36, 32),
        ("shrinks by little", (37, 38), 36, 32),
        ("enlarges", (20, 27), 36, 32),
        ("enlarges a high image a little", (43, 35), 36, 33),
        ("copies", (36, 49), 36, 32),
        ("copies an odd size", (51, 37), 37, 32),
    ):
        image = random_picture(len(what), *size)
        yield fit_case(f"fit {what}", size, resize_size, crop_size, image)


def _yuv_cases() -> Iterator[dict[str, Any]]:
    for rotation, size, padding, interleaved in (
        (0, (18, 24), 0, False),
        (90, (18, 24), 8, True),
        (180, (17, 23), 5, True),
        (270, (18, 24), 0, True),
        (90, (15, 22), 10, False),
    ):
        height, width = size
        small = (height + 1) // 2, (width + 1) // 2
        luma = random_picture(rotation, *size)[..., 0]
        chroma = random_picture(rotation + 1, *small)
        layout = "interleaved" if interleaved else "planar"
        yield yuv_case(
            f"yuv {layout} {height}x{width} padded by {padding}, turned "
            f"{rotation}",
            (luma, chroma[..., 0], chroma[..., 1]),
            rotation=rotation,
            padding=padding,
            interleaved=interleaved,
        )


def _number_cases() -> Iterator[dict[str, Any]]:
    pixels = np.arange(256, dtype=np.float32)
    halves = np.arange(-20, 21, dtype=np.float32) / 2
    ends = np.float32([-1e9, -129, -128, 127, 128, 255, 256, 1e9, 0, -0.0])
    frames = {
        "int8 frame": ("int8", 1.0, -128),
        "uint8 frame": ("uint8", 1.0, 0),
        "int8 frame of another scale": ("int8", 1.0039216, -128),
        "int8 frame of half the scale": ("int8", 0.5, -3),
        "float32 frame": ("float32", 0.0, 0),
    }
    for name, numbers in frames.items():
        tensor = TensorSpec("frame", (1, 256), *numbers, role="frame")
        yield quantize_case(f"quantize pixels for an {name}", tensor, pixels)
    for dtype, scale, zero_point in (
        ("int8", 1.0, 0),
        ("int8", 1.0, 7),
        ("uint8", 0.25, 128),
        ("int8", 0.0313725508749485, 5),
    ):
        tensor = TensorSpec("x", (1, 51), dtype, scale, zero_point)
        yield quantize_case(
            f"quantize halves and far values, {dtype} {scale} {zero_point}",
            tensor,
            np.concatenate([halves, ends]),
        )
    every = np.arange(256, dtype=np.uint8)
    few = np.float32([0.0, 1e-45, 1e-38, 0.25, 0.5, 1.0])
    for name, role, numbers, *quantization in (
        ("int8 logits", LOGITS, every.view(np.int8), 0.09019608050584793, -7),
        ("uint8 logits", LOGITS, every, 0.1, 128),
        ("float32 logits", LOGITS, np.float32([-1.5, 0, 3e38]), 0.0, 0),
        ("int8 shares", PROBABILITIES, every.view(np.int8), 2**-8, -128),
        ("float32 shares", PROBABILITIES, few, 0.0, 0),
    ):
        labels = tuple(f"label_{i}" for i in range(numbers.size))
        tensor = TensorSpec(
            *("head", (1, numbers.size), numbers.dtype.name, *quantization),
            role=role,
            labels=labels,
        )
        yield dequantize_case(f"dequantize {name}", tensor, numbers[None])


def _pacing_cases() -> Iterator[dict[str, Any]]:
    rng = np.random.Generator(np.random.PCG64(5))
    jitter = np.cumsum(1 + np.floor(4 * rng.random(120)).astype(int))
    every_2, every_3 = range(0, 200, 2), range(0, 200, 3)
    for name, interval, ticks in (
        ("unknown interval takes every frame", 0.0, every_3),
        ("every fourth frame", 8, every_2),
        ("interval is no multiple of the frames'", 8, every_3),
        ("interval is a little longer than the frames'", 4, every_3),
        ("slow camera", 8, range(0, 200, 11)),
        ("uneven camera", 8, jitter.tolist()),
        ("camera that pauses for less than a second", 8, [0, 4, 8, 60, 64, 68]),
        ("exactly one second without frames", 8, [0, 4, 8, 72, 76, 80, 84]),
        ("more than one second without frames", 8, [0, 4, 8, 73, 76, 80, 84]),
        ("three long intervals without frames", 32, [0, 32, 128, 132, 160]),
        ("more than three long intervals", 32, [0, 32, 129, 133, 161]),
        ("time goes back", 8, [0, 4, 8, 12, 16, 3, 7, 11, 15, 0, 8]),
        ("time stands still", 8, [0, 0, 0, 8, 8, 8, 16, 16]),
        ("late start", 8, [6400, 6404, 6408, 6412, 6416]),
    ):
        yield pacing_case(f"pacing, {name}", interval / 64, list(ticks))


def _decision_cases() -> Iterator[dict[str, Any]]:
    rules = {
        "average": 0.0,
        "min_duration": 0.25,
        "cooldown": 0.5,
        "start_score": 0.625,
        "end_score": 0.375,
    }
    head = TensorSpec(
        *("logits", (1, 4), "float32"),
        role="logits",
        labels=_LABELS,
        no_gesture=_LABELS[:1],
    )
    every_8 = [8 * frame for frame in range(40)]
    # "a", "b", "c" stand for the labels 1, 2, 3 with a high score, "n" for
    # label 0, "-" for equal scores, and "w" for label 1 with a low score that
    # does not end it.
    for name, script, changes, resets in (
        ("start and end", "nnaaaaaannnaaaa-----", {}, ()),
        ("too short", "naannaannbnbnaann", {}, ()),
        ("low score goes on", "naaaawwwwaaawww-nn", {}, ()),
        ("challenger, no cooldown", "aaaabbbbccaaa", {"cooldown": 0.0}, ()),
        ("challenger, cooldown", "aaaabbbbbbbbbccc", {}, ()),
        ("no minimum", "abcabnnc", {"min_duration": 0.0, "cooldown": 0.0}, ()),
        ("cooldown across a reset", "aaaaaaaaaaaaaa", {}, (6,)),
        ("two resets at once and at the start", "aaaaaaaanaaa", {}, (0, 5, 6)),
        ("ignored", "aaabbbbcccnnnn", {"ignored": ("no_gesture", "wave")}, ()),
        (
            "no_gesture of the user",
            "aaabbbbcccnnn",
            {"no_gesture": ("wave",)},
            (),
        ),
        ("no_gesture is empty", "nnnnaaannn", {"no_gesture": ()}, ()),
        ("average", "aaaaannnnnbbbbbaaannnbbbb", {"average": 0.5}, ()),
        ("average and reset", "aaaabbbbbaaan", {"average": 1.0}, (3, 9)),
        ("defaults", "aaaaaaaaaannnnnnnnnnnnnnnnnnnnnnaaa", None, ()),
    ):
        yield decision_case(
            f"decision, {name}",
            head,
            {} if changes is None else {**rules, **changes},
            every_8[: len(script)],
            _scripted(script),
            resets,
        )
    back = [0, 8, 16, 24, 32, 0, 8, 16, 24, 32, 40, 48, 56]
    yield decision_case(
        "decision, time starts again",
        head,
        rules,
        back,
        _scripted("a" * len(back)),
        (5,),
    )
    uneven = [0, 1, 5, 21, 22, 40, 47, 63, 79, 80, 120, 121, 140, 150, 190]
    yield decision_case(
        "decision, uneven times",
        head,
        {**rules, "average": 0.25},
        uneven,
        _scripted("aanaaaabbbbbbbn"),
    )
    yield from _probability_cases(head, rules)


def _probability_cases(head, rules):
    script = "nnaaaaaannnbbbb"
    logits = _scripted(script).astype(np.float64)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    shares[3] = (
        0,
        1,
        0,
        0,
    )  # A probability of zero has a logarithm all the same.
    for dtype, scale, zero_point in (
        ("float32", 0.0, 0),
        ("int8", 2**-8, -128),
        ("uint8", 2**-8, 0),
    ):
        tensor = TensorSpec(
            *("probabilities", (1, 4), dtype, scale, zero_point),
            role="probabilities",
            labels=head.labels,
            no_gesture=head.no_gesture,
        )
        values = shares.astype(np.float32)
        if scale:
            steps = np.round(shares / scale) + zero_point
            info = np.iinfo(dtype)
            values = np.clip(steps, info.min, info.max).astype(dtype)
        yield decision_case(
            f"decision, {dtype} probabilities",
            tensor,
            {**rules, "average": 0.25},
            [8 * frame for frame in range(len(script))],
            values,
        )


def _scripted(script: str) -> np.ndarray:
    """Returns `[T, 4]` float32 logits, in multiples of 1/8."""
    rows = {
        "n": (2.5, 0, 0.25, -0.5),
        "a": (0, 3, 0.5, -0.25),
        "b": (0.25, -0.5, 3.125, 0),
        "c": (0.5, 0, -0.25, 3.5),
        "w": (0.25, 1, 0.125, -0.25),
        "-": (1, 1, 1, 1),
    }
    return np.float32([rows[letter] for letter in script])
