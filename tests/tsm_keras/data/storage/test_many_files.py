"""for_many_files: a map over files that waits for many at once."""

import threading

import pytest

from tsm_keras.data.prepare.collections.collection import SourceOptions
from tsm_keras.data.prepare.collections.formats import read_collection
from tsm_keras.data.storage.many_files import for_many_files


@pytest.mark.parametrize("count", [0, 1, 31, 33, 5000])
def test_the_results_are_in_order(count):
    assert for_many_files(lambda item: -item, range(count)) == [
        -item for item in range(count)
    ]


def test_many_files_are_waited_for_at_the_same_time():
    together = threading.Barrier(32, timeout=60)
    for_many_files(lambda _: together.wait(), range(32))


def test_the_first_error_is_raised():
    def look(item):
        if item >= 3:
            raise OSError(f"no answer for {item}")

    with pytest.raises(OSError, match="no answer for 3$"):
        for_many_files(look, range(9))


@pytest.mark.parametrize(
    ("source_format", "name", "rows", "function"),
    [
        ("csv", "train.csv", "clip{0},{1}\n", "isdir"),
        ("mmaction2", "train.txt", "clip {0} 7 {1}\n", "exists"),
    ],
)
def test_the_paths_of_a_list_are_looked_at_together(
    tmp_path, monkeypatch, source_format, name, rows, function
):
    (tmp_path / name).write_text(
        "".join(rows.format(n, n % 2) for n in range(32))
    )
    together = threading.Barrier(32, timeout=60)

    def look(_):
        together.wait()
        return False

    monkeypatch.setattr(f"os.path.{function}", look)
    options = SourceOptions(tmp_path)
    assert len(read_collection(source_format, options).clips) == 32
