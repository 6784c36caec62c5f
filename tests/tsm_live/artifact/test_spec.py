import contextlib
import dataclasses
import hashlib
import json
import re
import zipfile

import hypothesis
import pytest
from hypothesis import strategies as st

from tsm_live.artifact.file import load_artifact, read_spec, write_spec
from tsm_live.artifact.spec import ArtifactError, ArtifactSpec, TensorSpec

SPEC = ArtifactSpec(
    kind="stream",
    labels=("push", "größer <b>"),
    frame=TensorSpec("frame", (1, 64, 64, 3), "int8", 1.0, -128),
    logits=TensorSpec("logits", (1, 2), "int8", 0.1, 3),
    caches=(TensorSpec("cache_00", (1, 16, 16, 1), "int8", 0.02, 67),),
    resize_size=73,
    frame_interval=0.17,
    num_segments=8,
    quantization="int8",
    preset_hash="ab" * 32,
    versions={"tsm_export": "0.1.0"},
)
MODEL = b"\x1c\0\0\0TFL3" + bytes(range(256))


@pytest.fixture
def artifact(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(MODEL)
    write_spec(path, SPEC)
    return path


def test_what_is_written_is_read(artifact):
    model_hash = hashlib.sha256(MODEL).hexdigest()
    expected = dataclasses.replace(SPEC, model_hash=model_hash)
    assert read_spec(artifact) == expected


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
        assert json.loads(archive.read("spec.json"))["kind"] == "stream"
        assert archive.read("labels.txt").decode() == "push\ngrößer <b>\n"


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
    path = tmp_path_factory.mktemp("fuzz") / "model.tflite"
    path.write_bytes(b"TFL3" * 8)
    write_spec(path, SPEC)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        where = data.draw(st.integers(0, len(content) - 1))
        content[where] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(ArtifactError):
        assert isinstance(read_spec(path), ArtifactSpec)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@hypothesis.given(
    field=st.sampled_from([f.name for f in dataclasses.fields(ArtifactSpec)]),
    value=json_values,
)
def test_a_spec_with_a_wrong_field_reads_or_is_refused(field, value):
    fields = json.loads(SPEC.to_json())
    fields[field] = value
    try:
        ArtifactSpec.from_json(json.dumps(fields))
    except ArtifactError as error:
        assert str(error)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', "null"])
def test_what_is_no_spec_is_refused(text):
    with pytest.raises(ArtifactError):
        ArtifactSpec.from_json(text)


@pytest.mark.parametrize("value", [10**400, float("nan"), -1, "1"])
def test_an_impossible_interval_is_refused(value):
    fields = json.loads(SPEC.to_json())
    fields["frame_interval"] = value
    with pytest.raises(ArtifactError):
        ArtifactSpec.from_json(json.dumps(fields))
