"""Files: a model with its spec inside."""

import contextlib
import dataclasses
import hashlib
import json
import re
import struct
import zipfile

import hypothesis
import pytest
from hypothesis import strategies as st

from testing.specs import SPEC, specs
from tsm_live.artifact.file import load_artifact, read_spec, write_spec
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec, TensorSpec

MODEL = b"\x1c\0\0\0TFL3" + bytes(range(256))


@pytest.fixture
def artifact(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(MODEL)
    write_spec(path, SPEC)
    return path


@hypothesis.given(specs(), st.sampled_from([".tflite", ".onnx"]))
def test_what_is_written_is_read(tmp_path_factory, spec, suffix):
    path = tmp_path_factory.mktemp("files") / f"model{suffix}"
    path.write_bytes(b"\x08\x08")  # The shortest ONNX message.
    written = write_spec(path, spec)
    model_hash = hashlib.sha256(b"\x08\x08").hexdigest()
    assert written == dataclasses.replace(spec, model_hash=model_hash)
    assert load_artifact(path) == (written, b"\x08\x08")


def test_the_bytes_that_were_checked_are_handed_over(artifact, monkeypatch):
    reads = []
    read_bytes = type(artifact).read_bytes

    def counted(path):
        reads.append(path)
        return read_bytes(path)

    monkeypatch.setattr(type(artifact), "read_bytes", counted)
    spec, model = load_artifact(artifact)
    assert model == MODEL
    assert spec.model_hash == hashlib.sha256(MODEL).hexdigest()
    assert reads == [artifact]


def test_a_changed_model_is_noticed(artifact):
    content = artifact.read_bytes()
    for where in range(len(MODEL)):
        changed = bytearray(content)
        changed[where] ^= 1
        artifact.write_bytes(changed)
        with pytest.raises(ArtifactError, match="damaged or was changed"):
            read_spec(artifact)


def test_the_model_comes_first_and_is_untouched(artifact):
    assert artifact.read_bytes().startswith(MODEL)


def test_any_unzip_reads_spec_and_labels(artifact):
    with zipfile.ZipFile(artifact) as archive:
        assert archive.testzip() is None
        assert json.loads(archive.read("spec.json"))["kind"] == "stream"
        assert archive.read("labels.txt").decode() == "push\ngrößer <b>\n"


def test_a_reader_needs_neither_an_inflater_nor_zip64(artifact):
    """Follows the steps that docs/artifact.md gives to other languages."""
    content = artifact.read_bytes()
    end = content.rindex(b"PK\5\6")
    assert len(content) - end == 22  # No comment.
    count, _, start = struct.unpack_from("<HII", content, end + 10)
    first, found = len(content), {}
    for _ in range(count):
        assert content[start : start + 4] == b"PK\1\2"
        (method,) = struct.unpack_from("<H", content, start + 10)
        (size,) = struct.unpack_from("<I", content, start + 24)
        name, extra, comment = struct.unpack_from("<HHH", content, start + 28)
        (local,) = struct.unpack_from("<I", content, start + 42)
        assert (method, extra, comment) == (0, 0, 0)
        key = content[start + 46 : start + 46 + name].decode()
        lengths = struct.unpack_from("<HH", content, local + 26)
        data = local + 30 + sum(lengths)
        found[key] = content[data : data + size]
        first = min(first, local)
        start += 46 + name + extra + comment
    assert content[:first] == MODEL
    spec = json.loads(found["spec.json"])
    assert spec["model_hash"] == hashlib.sha256(MODEL).hexdigest()
    assert found["labels.txt"].decode().split("\n")[0] == "push"


@pytest.mark.parametrize("suffix", [".tflite", ".onnx"])
def test_the_same_model_and_spec_give_the_same_bytes(
    tmp_path, monkeypatch, suffix
):
    contents = []
    for number, system in enumerate(("linux", "win32")):
        monkeypatch.setattr("sys.platform", system)
        monkeypatch.setattr("time.time", lambda number=number: 1e9 * number)
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(b"\x08\x08")
        write_spec(path, SPEC)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


def test_labels_of_several_heads_are_in_the_spec_alone(tmp_path):
    noun = TensorSpec("noun", (1, 1), "float32", role="logits", labels=("x",))
    spec = dataclasses.replace(SPEC, outputs=(*SPEC.outputs, noun))
    path = tmp_path / "model.tflite"
    path.write_bytes(MODEL)
    write_spec(path, spec)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["spec.json"]
    assert len(read_spec(path).heads) == 2


@pytest.mark.parametrize("content", [b"", b"TFL3", b"PK\5\6" + bytes(18)])
def test_a_foreign_file_is_named(tmp_path, content):
    path = tmp_path / "other.tflite"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"other\.tflite"):
        read_spec(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        read_spec(tmp_path / "missing.tflite")


@pytest.mark.parametrize("weights", ["model.safetensors", "model.weights.h5"])
def test_a_folder_is_told_from_a_file(tmp_path, weights):
    with pytest.raises(IsADirectoryError, match="a folder, not a model file"):
        read_spec(tmp_path)
    # All that a preset is told by.
    for name in ("config.json", weights):
        (tmp_path / name).touch()
    command = re.escape(f"`tsm export {tmp_path} --to=FILE.tflite` (or .onnx)")
    with pytest.raises(IsADirectoryError, match=command):
        read_spec(tmp_path)


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(data=st.data())
def test_a_mutated_file_reads_or_is_refused(tmp_path_factory, data):
    suffix = data.draw(st.sampled_from([".tflite", ".onnx"]))
    path = tmp_path_factory.mktemp("fuzz") / f"model{suffix}"
    path.write_bytes(b"\x08\x08")
    write_spec(path, SPEC)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        where = data.draw(st.integers(0, len(content) - 1))
        content[where] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(ArtifactError):
        spec, model = load_artifact(path)
        assert isinstance(spec, ArtifactSpec)
        assert hashlib.sha256(model).hexdigest() == spec.model_hash


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b"\xff", b"null", b"[" * 100_000]
)
def test_a_spec_that_is_none_is_refused(tmp_path, text):
    path = tmp_path / "model.tflite"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("spec.json", text)
    with pytest.raises(ArtifactError):
        read_spec(path)


def test_a_huge_spec_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "model.tflite"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("spec.json", bytes(100 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ArtifactError, match="at most 1048576 bytes. Received"):
        read_spec(path)
