import pytest

from tsm_keras.atomic_file import atomic_file, atomic_folder


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


def test_a_folder_appears_whole(tmp_path):
    path = tmp_path / "above" / "folder"
    with atomic_folder(path) as temporary:
        (temporary / "inside").mkdir()
        (temporary / "inside" / "notes.txt").write_text("new")
        assert temporary.parent == path.parent and not path.exists()
    assert (path / "inside" / "notes.txt").read_text() == "new"
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode == path.parent.stat().st_mode


@pytest.mark.parametrize("replace", [False, True])
def test_a_failure_leaves_the_folder_that_was_there(tmp_path, replace):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "notes.txt").write_text("old")
    with (
        pytest.raises(OSError, match="full"),
        atomic_folder(path, replace=replace) as temporary,
    ):
        (temporary / "notes.txt").write_text("ne")
        raise OSError("the disk is full")
    assert (path / "notes.txt").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_only_if_it_may_be(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "notes.txt").write_text("old")
    with pytest.raises(OSError), atomic_folder(path):
        pass
    assert (path / "notes.txt").read_text() == "old"
    with atomic_folder(path, replace=True) as temporary:
        (temporary / "other.txt").write_text("new")
    assert [file.name for file in path.iterdir()] == ["other.txt"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("exists", [False, True])
def test_a_link_to_a_folder_stays(tmp_path, exists):
    target, link = tmp_path / "target", tmp_path / "link"
    if exists:
        target.mkdir()
    link.symlink_to("target")
    with atomic_folder(link, replace=True) as temporary:
        (temporary / "notes.txt").write_text("new")
    assert link.is_symlink() and not target.is_symlink()
    assert (target / "notes.txt").read_text() == "new"
    assert sorted(tmp_path.iterdir()) == [link, target]
