"""Rooms small enough to know, and names that tell modules apart."""

import collections
import itertools

import pytest

from testing import checkout

# Modules per folder; "about a dozen" with some room for the next one.
_MOST_MODULES = 14
# Two names must not be the same word with different endings of these.
_ENDINGS = {
    *("", "s", "e", "es", "d", "ed", "r", "er", "ers", "or", "ors", "ing"),
    *("ion", "ions", "ation", "ations", "ate", "ates", "ated", "ating"),
    *("ator", "ators", "ve", "ver", "ving", "ution", "utions"),
}
_SHORTEST = 4  # Letters of a name that an ending leaves.


def _modules():
    return {
        name: path
        for name, path in checkout.package_modules().items()
        if path.name != "__init__.py"
    }


def _are_alike(one, other):
    """Returns whether two names differ by the ending of their last word."""
    *first, last = one.split("_")
    *other_first, other_last = other.split("_")
    return first == other_first and any(
        last[:common] == other_last[:common]
        and {last[common:], other_last[common:]} <= _ENDINGS
        for common in range(_SHORTEST, len(last) + 1)
    )


def test_a_room_has_about_a_dozen_modules():
    benchmarks = checkout.files(checkout.ROOT / "benchmarks", "*.py")
    files = [*_modules().values(), *benchmarks]
    rooms = collections.Counter(path.parent for path in files)
    crowded = {str(k): n for k, n in rooms.items() if n > _MOST_MODULES}
    assert not crowded


def test_no_two_modules_of_a_package_differ_by_an_ending_alone():
    packages = collections.defaultdict(set)
    for name, path in _modules().items():
        packages[name.split(".")[0]].add(path.stem)
    alike = [
        pair
        for names in packages.values()
        for pair in itertools.combinations(sorted(names), 2)
        if _are_alike(*pair)
    ]
    assert not alike


@pytest.mark.parametrize(
    "names",
    [
        ("prepare", "prepared"),
        ("prepare", "preparation"),
        ("prepared", "preparation"),
        ("evaluate", "evaluation"),
        ("record", "records"),
        ("read_clip", "read_clips"),
        ("convolve", "convolution"),
    ],
)
def test_endings_are_seen(names):
    assert _are_alike(*names)
    assert _are_alike(*reversed(names))


@pytest.mark.parametrize(
    "names",
    [
        ("clip_record", "boxed_record"),
        ("stream_time", "streaming_time"),
        ("backbone", "backup"),
        ("clip", "clips_of_videos"),
    ],
)
def test_other_names_may_be_near(names):
    assert not _are_alike(*names)
