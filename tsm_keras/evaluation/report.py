"""Writes the files of a report: a page, tables and figures."""

import base64
import csv
import dataclasses
import io
import json
import math
import os
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jinja2

from tsm_keras.atomic_file import atomic_file

_PNG = b"\x89PNG\r\n\x1a\n"

# Cells such as "98.3%", "-1.5 ms", "2,048", "4.1x" and "–" are aligned right.
_NUMBER = re.compile(r"[-+−≤≥<>~]?\s*[\d.,]+\s*(%|x|[a-zA-Z]{1,4}(/s)?)?|–|")


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a report after the first table and its pictures.

    Attributes:
        title: Heading of the section.
        text: Plain text; an empty line begins a new paragraph.
        header: Names of the table's columns; empty for no table.
        rows: As in `write_report`.
        pictures: As in `write_report`.
    """

    title: str
    text: str = ""
    header: Sequence[str] = ()
    rows: Sequence[Sequence] = ()
    pictures: Sequence[tuple[str, bytes]] = ()


def write_report(
    path: str | os.PathLike,
    *,
    title: str,
    summary: str,
    header: Sequence[str],
    rows: Sequence[Sequence],
    pictures: Sequence[tuple[str, bytes]] = (),
    sections: Sequence[Section] = (),
    notes: Sequence[str] = (),
) -> pathlib.Path:
    """Writes a report as one HTML file.

    The file contains its style and its pictures, loads no other file and runs
    no script. It appears under its name only when it is complete.

    Args:
        path: The file to write; its folder is created.
        title: Title of the page.
        summary: Plain text; an empty line begins a new paragraph.
        header: Names of the table's columns.
        rows: Rows of the table, each with one cell per column. A cell is
            converted by `str`; None is shown as a dash.
        pictures: Captions, each with the bytes of a PNG file.
        sections: The sections that follow, in order.
        notes: Lines of plain text at the end, in small print.

    Returns:
        The path of the file.

    Raises:
        ValueError: If a row does not have one cell per column, or a picture is
            not a PNG file.
    """
    first = Section("", summary, header, rows, pictures)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tsm_keras.evaluation", "."),
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    document = environment.get_template("report.html").render(
        title=title,
        sections=[_shown(section) for section in (first, *sections)],
        notes=notes,
    )
    return _write(path, document)


def write_json(path: str | os.PathLike, values: Mapping[str, Any]) -> None:
    """Writes figures as a JSON file, in which NaN becomes null.

    Args:
        path: The file to write; its folder is created.
        values: JSON values, of which some may be NaN.
    """
    _write(
        path, json.dumps(_plain(values), indent=1, ensure_ascii=False) + "\n"
    )


def write_csv(path: str | os.PathLike, rows: Iterable[Sequence]) -> None:
    """Writes rows, of which the first is the header, as a CSV file.

    Args:
        path: The file to write; its folder is created.
        rows: The cells of each row.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    _write(path, text.getvalue())


def format_table(header: Sequence[str], rows: Sequence[Sequence]) -> str:
    """Formats a table as plain text.

    Args:
        header: Names of the columns.
        rows: As in `write_report`.

    Returns:
        The header, a line of dashes and the rows, joined by newlines, without
        trailing spaces. Columns of numbers are aligned right.

    Raises:
        ValueError: If a row does not have one cell per column.
    """
    lines = [[str(name) for name in header], *_texts(header, rows)]
    numeric = _numeric_columns(lines[1:], len(header))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in lines
    )


def _shown(section):
    """Returns the parts of a section as the template shows them."""
    rows = _texts(section.header, section.rows)
    numeric = _numeric_columns(rows, len(section.header))
    return {
        "title": section.title,
        "paragraphs": re.split(r"\n\s*\n", section.text.strip()),
        "header": section.header,
        "alignment": ["number" if right else "text" for right in numeric],
        "rows": rows,
        "pictures": [(text, _encoded(text, x)) for text, x in section.pictures],
    }


def _encoded(caption, png):
    if not png.startswith(_PNG):
        raise ValueError(
            "`pictures` must be the bytes of PNG files. "
            f"Received: {png[:8]!r}... as {caption!r}"
        )
    return base64.b64encode(png).decode("ascii")


def _texts(header, rows):
    for row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"Each row must have {len(header)} cells, one for each of "
                f"{tuple(header)}. Received: {tuple(row)}"
            )
    return [
        ["–" if cell is None else str(cell) for cell in row] for row in rows
    ]


def _numeric_columns(rows, num_columns):
    """Returns for each column whether all its cells are numbers."""
    return [
        bool(rows) and all(_NUMBER.fullmatch(row[column]) for row in rows)
        for column in range(num_columns)
    ]


def _plain(value):
    """Replaces NaN by None, because JSON has no NaN."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _write(path, text):
    """Writes a text file, which appears when it is complete."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        # File names may hold bytes that are not UTF-8; show them as escapes.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return path
