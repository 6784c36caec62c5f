import os

import pytest

from tsm_jetson.engine_cache import engine_path, load_or_build

_KEY = {
    "model_hash": "ab12" * 16,
    "tensorrt_version": "10.3.0",
    "device": "Orin (nvgpu) 8.7",
}


def test_model_version_and_device_make_the_name(tmp_path):
    path = engine_path(tmp_path, **_KEY)
    assert path.parent == tmp_path
    assert path.name == "ab12ab12ab12ab12-trt10.3.0-Orin_nvgpu_8.7.engine"
    for change in (
        {"model_hash": "cd" * 32},
        {"tensorrt_version": "11.0.0"},
        {"device": "Thor 11.0"},
    ):
        assert engine_path(tmp_path, **_KEY | change) != path


def test_a_name_cannot_leave_the_folder(tmp_path):
    path = engine_path(tmp_path, **_KEY | {"device": "../../etc/x"})
    assert path.parent == tmp_path and path.resolve().parent == tmp_path


def test_the_users_cache_folder_is_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert engine_path(None, **_KEY).parent == tmp_path / "tsm_jetson"


class _Builder:
    """Counts builds; loads what starts with `plan`."""

    def __init__(self):
        self.builds = 0

    def build(self):
        self.builds += 1
        return b"plan %d" % self.builds

    @staticmethod
    def load(content):
        return content if content.startswith(b"plan") else None

    def __call__(self, path):
        return load_or_build(path, load=self.load, build=self.build)


def test_an_engine_is_built_once(tmp_path):
    builder, path = _Builder(), tmp_path / "engines" / "x.engine"
    assert builder(path) == builder(path) == b"plan 1"
    assert builder.builds == 1
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_an_engine_that_does_not_load_is_built_again(tmp_path):
    builder, path = _Builder(), tmp_path / "x.engine"
    path.write_bytes(b"of an older driver")
    path.chmod(0o600)
    assert builder(path) == path.read_bytes() == b"plan 1"


@pytest.mark.parametrize("how", ["writable", "link"])
def test_what_others_could_have_written_is_not_loaded(tmp_path, how):
    builder, path = _Builder(), tmp_path / "x.engine"
    if how == "writable":
        path.write_bytes(b"plan of a stranger")
        path.chmod(0o666)
    else:
        stranger = tmp_path / "stranger"
        stranger.write_bytes(b"plan of a stranger")
        path.symlink_to(stranger)
    assert builder(path) == b"plan 1"
    assert not path.is_symlink() and path.read_bytes() == b"plan 1"


def test_a_failing_write_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        _Builder()(tmp_path / "x.engine")
    assert not list(tmp_path.iterdir())


def test_a_build_that_does_not_load_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="just built cannot be loaded"):
        load_or_build(
            tmp_path / "x.engine", load=lambda _: None, build=lambda: b"plan"
        )
