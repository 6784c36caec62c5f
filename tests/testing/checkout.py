"""Lists the files, modules and imports of the checkout."""

import ast
import dataclasses
import os
import pathlib
from collections.abc import Container, Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The packages and the roots that hold them.
PACKAGE_ROOTS = {
    "tsm_keras": ROOT,
    "tsm_export": ROOT / "export",
    "tsm_live": ROOT / "apps/live",
    "tsm_jetson": ROOT / "apps/jetson",
    "tsm_cli": ROOT / "apps/cli",
}

_NOT_SOURCE = {"build", "dist", "node_modules", "__pycache__"}


def files(folder: pathlib.Path, pattern: str) -> list[pathlib.Path]:
    """Lists the source files below a folder that match a pattern, sorted.

    Hidden, built and installed files are left out, and links are not followed.
    """
    found = []
    for parent, folders, _ in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name not in _NOT_SOURCE
            and not name.startswith(".")
            and not (pathlib.Path(parent) / name / "pyvenv.cfg").exists()
        ]
        found += pathlib.Path(parent).glob(pattern)
    return sorted(found)


def module_name(path: pathlib.Path, root: pathlib.Path) -> str:
    """Returns the module name of a file below a root on `sys.path`."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package_modules() -> dict[str, pathlib.Path]:
    """Returns the path of each module of the four packages, by its name."""
    return {
        module_name(path, root): path
        for package, root in PACKAGE_ROOTS.items()
        for path in files(root / package, "*.py")
    }


@dataclasses.dataclass(frozen=True)
class Import:
    """A module that a file imports, and the place of the import."""

    module: str
    line: int
    on_load: bool  # False for imports inside a function.


def owner(name: str, modules: Container[str]) -> str | None:
    """Returns the module that a dotted name belongs to, or None."""
    while name and name not in modules:
        name = name.rpartition(".")[0]
    return name or None


def imports(path: pathlib.Path) -> list[Import]:
    """Lists the imports of a file, in order.

    `from a.b import c` is listed as `a.b.c`, even if `c` is not a module; see
    `owner`. Imports for type checkers only count as not on load.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return sorted(_imports(tree, True), key=lambda found: found.line)


def _imports(node: ast.AST, on_load: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, on_load)
        elif isinstance(child, ast.ImportFrom):
            if child.level:
                raise ValueError(
                    f"line {child.lineno}: imports here are absolute."
                )
            for alias in child.names:
                name = f"{child.module}.{alias.name}"
                yield Import(name, child.lineno, on_load)
        else:
            later = isinstance(
                child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
            ) or (
                isinstance(child, ast.If)
                and "TYPE_CHECKING" in ast.unparse(child.test)
            )
            yield from _imports(child, on_load and not later)
