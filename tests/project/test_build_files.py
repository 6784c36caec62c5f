"""Every source file is in Bazel's sight once, with all that it imports."""

import collections
import dataclasses
import functools
import pathlib
import re
import sys

from testing import checkout

# Modules whose distribution has another name.
_DISTRIBUTIONS = {
    "absl": "absl_py",
    "cv2": "opencv_python_headless",
    "mlflow": "mlflow_skinny",
    "sklearn": "scikit_learn",
}

_NOT_BUILT = {checkout.ROOT / "setup.py"}  # Installs where Bazel does not.


@dataclasses.dataclass(frozen=True)
class _Target:
    label: str  # Of the form "//folder:name".
    rule: str
    srcs: tuple[pathlib.Path, ...]
    roots: tuple[pathlib.Path, ...]  # Where imports of `srcs` start.
    deps: tuple[str, ...]


@functools.cache
def _targets():
    """Reads the BUILD files; returns the targets by their label."""
    found = [
        target
        for path in checkout.files(checkout.ROOT, "BUILD")
        if path.is_file()
        for target in _read_build_file(path)
    ]
    return {target.label: target for target in found}


def _read_build_file(path):
    """Runs a BUILD file, which is Python, with rules that take notes."""
    package = path.parent.relative_to(checkout.ROOT).as_posix()
    targets = []

    def absolute(label):
        if label.startswith(":"):
            label = f"//{package}{label}"
        if not label.startswith("//") or ":" in label:
            return label
        return f"{label}:{label.rpartition('/')[2]}"

    def glob(include, exclude=()):
        names = {
            found.relative_to(path.parent).as_posix()
            for pattern in include
            for found in path.parent.glob(pattern)
        }
        return sorted(names - set(exclude))

    def rule(kind, name, srcs=(), imports=(), deps=(), **_):
        targets.append(
            _Target(
                label=f"//{package}:{name}",
                rule=kind,
                srcs=tuple(path.parent / each for each in srcs),
                roots=(
                    checkout.ROOT,
                    *((path.parent / each).resolve() for each in imports),
                ),
                deps=tuple(absolute(each) for each in deps),
            )
        )

    def load(source, *names):
        # The rules that Bazel had built in are gone from Bazel 9.
        assert source == "@rules_python//python:defs.bzl", path
        for name in names:
            words[name] = functools.partial(rule, name)

    words = {
        "exports_files": lambda names: None,
        "glob": glob,
        "load": load,
        "package": lambda **_: None,
    }
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), words)
    return targets


def _reachable(label):
    """Returns the labels of a target, its dependencies, theirs and so on."""
    seen, open_ends = set(), [label]
    while open_ends:
        label = open_ends.pop()
        if label not in seen:
            seen.add(label)
            if not label.startswith("@"):
                open_ends += _targets()[label].deps
    return seen


def _locked_distributions():
    path = checkout.ROOT / "requirements_lock.txt"
    names = re.findall(
        r"^([\w.-]+)==", path.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {re.sub(r"[-_.]+", "_", name).lower() for name in names}


def test_every_source_file_stands_in_one_target():
    owners = collections.Counter(
        source for target in _targets().values() for source in target.srcs
    )
    sources = set(checkout.files(checkout.ROOT, "*.py")) - _NOT_BUILT
    assert not sources - set(owners), "in no BUILD target"
    assert not set(owners) - sources, "in a BUILD target, but not there"
    twice = [source for source, count in owners.items() if count > 1]
    assert not twice, "in more than one BUILD target"


def test_no_target_is_empty():
    # Bazel refuses a glob that finds nothing.
    empty = [target.label for target in _targets().values() if not target.srcs]
    assert not empty


def test_dependencies_exist():
    locked = _locked_distributions()
    for target in _targets().values():
        for label in target.deps:
            if label.startswith("@"):
                hub, _, name = label.partition("//")
                assert (hub, name in locked) == ("@pypi", True), (
                    f"{target.label}: {label} is not in requirements_lock.txt"
                )
            else:
                assert label in _targets(), f"{target.label}: {label}"


def test_no_circles_of_targets():
    for target in _targets().values():
        beyond = {end for label in target.deps for end in _reachable(label)}
        assert target.label not in beyond


def _library_of_module():
    return {
        checkout.module_name(source, root): target.label
        for target in _targets().values()
        if target.rule == "py_library"
        for source in target.srcs
        for root in target.roots
    }


def _needed_label(found, modules, locked):
    """Returns the target that an import needs, `None` if Python brings it."""
    top = found.module.split(".")[0]
    if top in sys.stdlib_module_names:
        return None
    ours = checkout.owner(found.module, modules)
    if ours:
        return modules[ours]
    distribution = _DISTRIBUTIONS.get(top, top)
    # What is imported late and not locked is an extra that a user may lack.
    if distribution in locked or found.on_load:
        return f"@pypi//{distribution}"
    return None


def test_imports_are_dependencies():
    modules, locked = _library_of_module(), _locked_distributions()
    missing = collections.defaultdict(set)
    for target in _targets().values():
        reachable = _reachable(target.label)
        for source in target.srcs:
            for found in checkout.imports(source):
                needed = _needed_label(found, modules, locked)
                if needed and needed not in reachable:
                    missing[target.label].add(needed)
    assert not missing, f"add to deps: {dict(missing)}"
