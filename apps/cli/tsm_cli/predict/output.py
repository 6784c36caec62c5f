"""write_results: predictions as a table, as JSON lines or as CSV."""

import contextlib
import csv
import json
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO

from tsm_cli.predict.events import Gesture, VideoEvents
from tsm_keras.atomic_file import atomic_file
from tsm_keras.evaluation.report import format_table
from tsm_keras.video_prediction import VideoPrediction

FORMATS = ("table", "jsonl", "csv")

Result = VideoPrediction | VideoEvents


def write_results(
    results: Iterable[Result],
    output_format: str,
    *,
    top: int,
    to: str | None = None,
) -> tuple[int, list[Result]]:
    """Writes the results of videos as they come; a table at the end.

    Args:
        results: Predictions, or events.
        output_format: One of `FORMATS`.
        top: The number of classes per head and video to write.
        to: The file to write; None for stdout. It appears only when it is
            complete.

    Returns:
        The number of videos, and the results of those that could not be read.
    """
    failed: list[Result] = []
    count = 0

    def kept() -> Iterator[Result]:
        nonlocal count
        for result in results:
            count += 1
            if result.error:
                failed.append(result)
            yield result

    with _opened(to) as file:
        _WRITERS[output_format](file, kept(), top)
    return count, failed


@contextlib.contextmanager
def _opened(to) -> Iterator[TextIO]:
    if to is None:
        yield sys.stdout
        return
    with (
        atomic_file(pathlib.Path(to)) as temporary,
        open(
            temporary, "w", encoding="utf-8", errors="surrogateescape"
        ) as file,
    ):
        yield file


def _write_table(file, results, top):
    header: Sequence[str] = ()
    rows: list[Sequence[Any]] = []
    for result in results:
        if result.error:
            continue
        header = _columns(result)
        if isinstance(result, VideoPrediction):
            # One row per head, with a column per rank.
            ranks = range(1, 1 + max(map(len, result.top(top).values())))
            header = [*header[: header.index("rank")], *map(str, ranks)]
            rows += _ranked(result, top, len(ranks))
        else:
            found = [[row[key] for key in header] for row in _rows(result, top)]
            nothing = [result.path, *[None] * (len(header) - 1)]
            rows += found or [nothing]
    if rows:
        print(format_table(header, rows), file=file)


def _write_jsonl(file, results, top):
    for result in results:
        print(json.dumps(_as_json(result, top)), file=file, flush=True)


def _write_csv(file, results, top):
    writer = None
    for result in results:
        if result.error:
            continue
        if writer is None:
            columns = _columns(result)
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
        writer.writerows(_rows(result, top))
        file.flush()


_WRITERS: dict[str, Callable[[TextIO, Iterator[Result], int], None]] = {
    "table": _write_table,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
}


def _columns(result: Result) -> list[str]:
    head = ["head"] if len(result.heads) > 1 else []
    if isinstance(result, VideoPrediction):
        return ["video", *head, "rank", "label", "probability"]
    return ["video", *head, "start", "end", "label", "score"]


def _rows(result: Result, top: int) -> list[dict[str, Any]]:
    """Returns one row per class, or per gesture, by the names of columns."""
    if isinstance(result, VideoEvents):
        rows = [{**_gesture(x), "head": x.head} for x in result.gestures]
    else:
        rows = [
            {"rank": rank, **value, "head": name}
            for name, values in _best(result, top).items()
            for rank, value in enumerate(values, 1)
        ]
    columns = _columns(result)
    return [
        {key: ({"video": result.path} | row)[key] for key in columns}
        for row in rows
    ]


def _ranked(result, top, ranks):
    for name, best in result.top(top).items():
        cells = [f"{label} {share:.1%}" for label, share in best]
        head = [name] if len(result.heads) > 1 else []
        yield [result.path, *head, *cells, *[""] * (ranks - len(cells))]


def _as_json(result: Result, top: int) -> dict[str, Any]:
    if result.error:
        return {"video": result.path, "error": result.error}
    several = len(result.heads) > 1
    if isinstance(result, VideoEvents):
        events = [
            {**_gesture(x), **({"head": x.head} if several else {})}
            for x in result.gestures
        ]
        return {"video": result.path, "events": events}
    heads = _best(result, top)
    if several:
        return {"video": result.path, "heads": heads}
    return {"video": result.path, "classes": heads[result.heads[0]]}


def _best(result, top):
    return {
        name: [
            {"label": label, "probability": round(share, 6)}
            for label, share in best
        ]
        for name, best in result.top(top).items()
    }


def _gesture(gesture: Gesture) -> dict[str, Any]:
    """Returns a gesture with the digits that `tsm-live --events` writes."""
    return {
        "label": gesture.label,
        "start": round(gesture.start, 3),
        "end": round(gesture.end, 3),
        "score": round(gesture.score, 4),
    }
