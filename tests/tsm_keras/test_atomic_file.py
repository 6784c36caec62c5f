import pytest

from tsm_keras.atomic_file import atomic_file


def test_the_file_appears_whole(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with atomic_file(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_two_may_write_the_same_file_at_once(tmp_path):
    path = tmp_path / "notes.txt"
    with atomic_file(path) as one, atomic_file(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"  # The last to end.
    assert list(tmp_path.iterdir()) == [path]


def test_a_format_is_told_from_the_temporary_name_too(tmp_path):
    path = tmp_path / "picture.v2.png"
    with atomic_file(path, keep_suffix=True) as temporary:
        assert temporary.name.startswith(".picture.v2.")
        assert temporary.suffix == ".png"
        temporary.touch()


def test_who_looks_for_files_by_their_suffix_finds_no_part_of_one(tmp_path):
    with atomic_file(tmp_path / "1-of-2.json") as temporary:
        temporary.touch()
        assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize("letter", ["a", "ä", "画"])
def test_a_name_may_be_as_long_as_names_may_be(tmp_path, letter):
    path = tmp_path / f"{letter * (250 // len(letter.encode()))}.txt"
    with atomic_file(path) as temporary:
        temporary.touch()
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), atomic_file(path) as temporary:
        temporary.write_text("ne")
        raise OSError("the disk is full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
