import pytest

from tsm_keras.data.atomic_file import atomic_file


def test_the_file_appears_whole(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with atomic_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), atomic_file(path) as temporary:
        temporary.write_text("ne")
        raise OSError("the disk is full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
