import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.artifacts import random_onnx
from tsm_live.artifact.file import read_spec
from tsm_live.artifact.onnx_properties import append_properties, read_properties
from tsm_live.artifact.spec import ArtifactError

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=300)


@given(st.dictionaries(_TEXTS, _TEXTS, max_size=4))
def test_what_is_appended_is_read(tmp_path_factory, properties):
    path = tmp_path_factory.mktemp("properties") / "x.onnx"
    path.write_bytes(b"")
    append_properties(path, properties)
    found = read_properties(path.read_bytes())
    assert {key: value for key, (value, _) in found.items()} == properties
    model = onnx.load_from_string(path.read_bytes())
    assert properties == {
        entry.key: entry.value for entry in model.metadata_props
    }


def test_onnx_and_onnx_runtime_read_the_same():
    path = random_onnx()
    found = {
        key: value
        for key, (value, _) in read_properties(path.read_bytes()).items()
    }
    assert set(found) == {"spec.json", "labels.txt"}
    assert found["labels.txt"] == "a\nb\nc\nd\ne\nf\ng\n"
    session = onnxruntime.InferenceSession(str(path))
    assert session.get_modelmeta().custom_metadata_map == found
    model = onnx.load(path)
    assert {e.key: e.value for e in model.metadata_props} == found


@given(st.binary(max_size=200))
def test_foreign_files_are_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("foreign") / "x.onnx"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="no readable spec"):
        read_spec(path)


@given(st.data())
def test_a_damaged_file_is_refused(tmp_path_factory, data):
    content = bytearray(random_onnx().read_bytes())
    cut = data.draw(st.booleans())
    place = data.draw(st.integers(0, len(content) - 1))
    if cut:
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damaged") / "x.onnx"
    path.write_bytes(content)
    try:
        spec = read_spec(path)
    except ArtifactError:
        return
    # Only what is said beside the model can change unnoticed: texts.
    assert spec.tensors == read_spec(random_onnx()).tensors or not cut


def test_a_model_without_spec_is_refused(tmp_path):
    path = tmp_path / "x.onnx"
    model = onnx.load(random_onnx())
    del model.metadata_props[:]
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactError, match="no readable spec"):
        read_spec(path)


def test_what_is_appended_to_a_model_takes_its_spec_away(tmp_path):
    """Protobuf merges it into the model, which is then another one."""
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x08")  # ir_version 8.
    append_properties(path, {"spec.json": "{}"})
    assert "spec.json" in read_properties(path.read_bytes())
    path.write_bytes(path.read_bytes() + b"\x08\x09")
    assert not read_properties(path.read_bytes())
