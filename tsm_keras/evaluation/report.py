"""write_report: a page in one HTML file; format_table: a table as text."""

import base64
import dataclasses
import html
import os
import pathlib
import re
from collections.abc import Sequence

from tsm_keras.atomic_file import atomic_file

_PNG = b"\x89PNG\r\n\x1a\n"

# Cells such as "98.3%", "-1.5 ms", "2,048", "4.1x" and "–" are aligned right.
_NUMBER = re.compile(r"[-+−≤≥<>~]?\s*[\d.,]+\s*(%|x|[a-zA-Z]{1,4}(/s)?)?|–|")

# The browser may not fetch anything, whatever the page holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1f2328; --faint: #59636e; --paper: #ffffff; --line: #d1d9e0;
  --stripe: #f6f8fa;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6edf3; --faint: #9198a1; --paper: #0d1117; --line: #3d444d;
    --stripe: #151b23;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 4rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: break-word;
}
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0.5rem 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 0.5rem; }
p { max-width: 44rem; }
.scroll { overflow-x: auto; margin: 1.5rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td {
  padding: 0.4rem 0.9rem; text-align: left; white-space: nowrap;
  border-bottom: 1px solid var(--line);
}
th { color: var(--faint); font-weight: 600; }
tbody tr:nth-child(even) { background: var(--stripe); }
.number { text-align: right; }
figure { margin: 2rem 0; }
figure .scroll {
  margin: 0; border: 1px solid var(--line); border-radius: 0.5rem;
  background: #ffffff; padding: 0.5rem;
}
/* On a phone a wide picture scrolls instead of shrinking below a readable
   size. */
img {
  display: block; margin: 0 auto; max-width: max(100%, 40rem); height: auto;
}
figcaption { color: var(--faint); margin: 0.5rem 0; max-width: 44rem; }
.notes { color: var(--faint); font-size: 0.9rem; padding-left: 1.2rem; }
"""


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
    document = _document(title, (first, *sections), notes)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        # File names may hold bytes that are not UTF-8; show them as escapes.
        temporary.write_text(
            document, encoding="utf-8", errors="backslashreplace"
        )
    return path


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


def _document(title, sections, notes):
    body = "\n".join(_section(section) for section in sections)
    items = "\n".join(f"<li>{html.escape(note)}</li>" for note in notes)
    notes_list = f'<ul class="notes">\n{items}\n</ul>' if notes else ""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
{body}
{notes_list}
</body>
</html>
"""


def _section(section):
    parts = [f"<h2>{html.escape(section.title)}</h2>"] * bool(section.title)
    parts += [
        f"<p>{html.escape(paragraph)}</p>"
        for paragraph in re.split(r"\n\s*\n", section.text.strip())
    ]
    if section.header:
        parts.append(_table(section.header, section.rows))
    parts += [_figure(*picture) for picture in section.pictures]
    return "\n".join(parts)


def _table(header, rows):
    rows = _texts(header, rows)
    numeric = _numeric_columns(rows, len(header))
    classes = [' class="number"' if right else "" for right in numeric]

    def line(tag, texts):
        cells = zip(classes, texts, strict=True)
        return "".join(
            f"<{tag}{css}>{html.escape(text)}</{tag[:2]}>"
            for css, text in cells
        )

    head = line('th scope="col"', [str(name) for name in header])
    body = "\n".join(f"<tr>{line('td', texts)}</tr>" for texts in rows)
    return f"""<div class="scroll"><table>
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody>
</table></div>"""


def _figure(caption, png):
    if not png.startswith(_PNG):
        raise ValueError(
            "`pictures` must be the bytes of PNG files. "
            f"Received: {png[:8]!r}... as {caption!r}"
        )
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    text = html.escape(caption)
    return f"""<figure>
<div class="scroll"><img alt="{text}" src="{source}"></div>
<figcaption>{text}</figcaption>
</figure>"""


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
