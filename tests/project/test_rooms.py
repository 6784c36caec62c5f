"""Rooms small enough to know, and names that tell modules apart."""

import collections

from testing import checkout

# Modules per folder; "about a dozen" with some room for the next one.
_MOST_MODULES = 14
# Endings by which two names must not differ alone, the longest first.
_ENDINGS = (
    *("ations", "ation", "ing", "ers", "ors", "ion"),
    *("er", "or", "ed", "es", "s", "e", "d", "r"),
)
_SHORTEST = 4  # Letters of a name that an ending leaves.


def _modules():
    return {
        name: path
        for name, path in checkout.package_modules().items()
        if path.name != "__init__.py"
    }


def _without_ending(word):
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            return word.removesuffix(ending)
    return word


def test_a_room_has_about_a_dozen_modules():
    benchmarks = checkout.files(checkout.ROOT / "benchmarks", "*.py")
    files = [*_modules().values(), *benchmarks]
    rooms = collections.Counter(path.parent for path in files)
    crowded = {str(k): n for k, n in rooms.items() if n > _MOST_MODULES}
    assert not crowded


def test_no_two_modules_of_a_package_differ_by_an_ending_alone():
    alike = collections.defaultdict(set)
    for name, path in _modules().items():
        *first, last = path.stem.split("_")
        key = name.split(".")[0], *first, _without_ending(last)
        alike[key].add(path.stem)
    assert not [names for names in alike.values() if len(names) > 1]


def test_the_endings_are_seen():
    words = ("prepare", "prepared", "preparation")
    assert len({*map(_without_ending, words)}) == 1
