import base64
import html.parser

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsm_keras.evaluation.report import format_table, write_report

HEADER = ("model", "top-1", "latency")
ROWS = (("TSM", "98.3%", "6.1 ms"), ("TSN", "51.0%", None))
EVIL = "<script>alert('\"&amp;')</script>"


class Page(html.parser.HTMLParser):
    """The tags, attributes and texts of a page, as a browser parses it."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.texts.append(text)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def png(value=0):
    image = np.full((8, 12, 3), value, np.uint8)
    return cv2.imencode(".png", image)[1].tobytes()


def write(path, **changes):
    arguments = {
        "title": "Gestures",
        "summary": "One paragraph.\n\nAnother.",
        "header": HEADER,
        "rows": ROWS,
        "pictures": [("first", png()), ("second", png(200))],
        "notes": ["240 clips"],
    }
    return write_report(path, **(arguments | changes))


def test_report_is_self_contained(tmp_path):
    path = write(tmp_path / "folder" / "report.html")
    assert [item.name for item in path.parent.iterdir()] == ["report.html"]
    source = path.read_text("utf-8")
    page = Page(source)
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "base")
        for name, value in attributes.items():
            if name in ("src", "href", "srcset", "data", "action"):
                assert value.startswith("data:image/png;base64,")
    assert "http:" not in source and "https:" not in source
    assert "url(" not in source and "@import" not in source
    assert "prefers-color-scheme: dark" in source
    assert {"charset": "utf-8"} in page.all("meta")
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))


def test_pictures_decode(tmp_path):
    page = Page(write(tmp_path / "report.html").read_text("utf-8"))
    images = page.all("img")
    assert [image["alt"] for image in images] == ["first", "second"]
    for image, value in zip(images, (0, 200), strict=True):
        content = base64.b64decode(image["src"].partition(",")[2])
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), 1)
        np.testing.assert_array_equal(pixels, np.full((8, 12, 3), value))


def test_report_holds_all_texts(tmp_path):
    page = Page(write(tmp_path / "report.html").read_text("utf-8"))
    for text in (*HEADER, *ROWS[0], *ROWS[1][:2], "–", "240 clips"):
        assert text in page.texts
    assert len(page.all("p")) == 2
    assert len(page.all("td")) == 6
    # The columns of numbers, heads included.
    numbers = page.all("td") + page.all("th")
    assert sum(cell.get("class") == "number" for cell in numbers) == 6


def test_texts_are_escaped(tmp_path):
    path = write(
        tmp_path / "report.html",
        title=EVIL,
        summary=EVIL,
        header=(EVIL,),
        rows=[(EVIL,)],
        pictures=[(EVIL, png())],
        notes=[EVIL],
    )
    page = Page(path.read_text("utf-8"))
    assert not page.all("script")
    assert page.all("img")[0]["alt"] == EVIL
    # Title twice, summary, head, cell, caption and note.
    assert page.texts.count(EVIL) == 7


@settings(deadline=None)
@given(st.text())
def test_any_text_is_one_cell(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("report") / "report.html"
    write(path, header=("name",), rows=[(text,)], pictures=())
    page = Page(path.read_text("utf-8"))
    assert len(page.all("td")) == 1
    assert not page.all("script")


def test_bytes_that_are_not_text_are_shown(tmp_path):
    name = b"caf\xe9.mp4".decode("utf-8", "surrogateescape")
    path = write(tmp_path / "report.html", notes=[name])
    assert "caf\\udce9.mp4" in path.read_text("utf-8")


def test_a_report_without_rows_pictures_and_notes(tmp_path):
    path = write(tmp_path / "report.html", rows=(), pictures=(), notes=())
    page = Page(path.read_text("utf-8"))
    assert not page.all("img") and not page.all("ul") and not page.all("td")


def test_a_report_replaces_the_one_before(tmp_path):
    write(tmp_path / "report.html", title="old")
    path = write(tmp_path / "report.html", title="new")
    assert "new" in Page(path.read_text("utf-8")).texts
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"pictures": [("first", png()), ("second", b"\xff\xd8\xff")]},
        {"pictures": [("empty", b"")]},
        {"rows": [("TSM", "98.3%")]},
        {"rows": [("TSM", "98.3%", "6.1 ms", "more")]},
    ],
)
def test_refuses_and_leaves_no_file(tmp_path, change):
    with pytest.raises(ValueError, match="Received: "):
        write(tmp_path / "report.html", **change)
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_leaves_no_file(tmp_path):
    # The text is written, but its name is taken by a folder.
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OSError):
        write(tmp_path / "report.html")
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]
    assert not list((tmp_path / "report.html").iterdir())


def test_format_table():
    assert format_table(HEADER, ROWS) == (
        "model  top-1  latency\n"
        "-----  -----  -------\n"
        "TSM    98.3%   6.1 ms\n"
        "TSN    51.0%        –"
    )


def test_format_table_without_rows():
    assert format_table(HEADER, []) == (
        "model  top-1  latency\n-----  -----  -------"
    )


def test_format_table_takes_numbers_and_text_in_one_column():
    assert format_table(["value"], [[1], ["none yet"]]) == (
        "value\n--------\n1\nnone yet"
    )


def test_format_table_refuses_a_row_of_another_length():
    with pytest.raises(ValueError, match="3 cells.*Received: "):
        format_table(HEADER, [("TSM",)])


@settings(deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda columns: st.lists(
            st.lists(
                st.text("abc1.%", min_size=1, max_size=9),
                min_size=columns,
                max_size=columns,
            ),
            min_size=1,
        )
    )
)
def test_format_table_keeps_every_cell(rows):
    header = [f"column {index}" for index in range(len(rows[0]))]
    lines = format_table(header, rows).split("\n")
    assert len(lines) == len(rows) + 2
    assert all(len(line) <= len(lines[1]) for line in lines)
    for line, row in zip(lines[2:], rows, strict=True):
        assert line.split() == row
