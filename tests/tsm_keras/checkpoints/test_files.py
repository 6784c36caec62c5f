"""read_checkpoint: three kinds of files, and files that must be refused."""

import os
import pickle

import numpy as np
import pytest

from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.files import import_extra, read_checkpoint

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.numpy")

TENSORS = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "bn.num_batches_tracked": np.array(7, np.int64),
}


def torch_tensors():
    return {name: torch.tensor(array) for name, array in TENSORS.items()}


def assert_same(found, expected=TENSORS):
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".pth.tar", ".bin"])
@pytest.mark.parametrize("old_format", [False, True])
def test_pytorch(tmp_path, suffix, old_format):
    """The TSM authors' files have PyTorch's format before zip archives."""
    path = tmp_path / f"weights{suffix}"
    torch.save(
        torch_tensors(),
        path,
        _use_new_zipfile_serialization=not old_format,
    )
    checkpoint = read_checkpoint(path)
    assert_same(checkpoint.tensors)
    assert checkpoint.ignored == {}


def test_wrapped_in_the_state_of_a_training(tmp_path):
    path = tmp_path / "ckpt.pth.tar"
    content = {
        "epoch": 50,
        "arch": "resnet50",
        "state_dict": torch_tensors(),
        "best_prec1": torch.tensor(71.2),
    }
    torch.save(content, path)
    checkpoint = read_checkpoint(path)
    assert_same(checkpoint.tensors)
    assert set(checkpoint.ignored) == {"epoch", "arch", "best_prec1"}


def test_parameters_half_precision_and_entries_that_are_not_tensors(tmp_path):
    path = tmp_path / "weights.pth"
    content = {
        "a": torch.nn.Parameter(torch.ones(2)),
        "b": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
        "c": torch.tensor([1.5], dtype=torch.float16),
        "version": "1",
    }
    torch.save(content, path)
    checkpoint = read_checkpoint(path)
    assert_same(
        checkpoint.tensors,
        {
            "a": np.ones(2, np.float32),
            "b": np.array([1.5, -2.0], np.float32),
            "c": np.array([1.5], np.float16),
        },
    )
    assert checkpoint.ignored == {"version": "not a tensor but str"}


@pytest.mark.parametrize(
    ("tensor", "received"),
    [
        (torch.eye(2).to_sparse(), "a, torch.float32, torch.sparse_coo"),
        (torch.ones(2).to(torch.float8_e4m3fn), "a, torch.float8_e4m3fn"),
    ],
    ids=["sparse", "float8"],
)
def test_tensors_that_numpy_cannot_hold(tmp_path, tensor, received):
    path = tmp_path / "weights.pth"
    torch.save({"a": tensor}, path)
    with pytest.raises(CheckpointError, match=f"Received: {received}"):
        read_checkpoint(path)


def test_safetensors(tmp_path):
    path = tmp_path / "weights.safetensors"
    safetensors.save_file(TENSORS, path, metadata={"key": "value"})
    checkpoint = read_checkpoint(path)
    assert_same({name: checkpoint.tensors[name] for name in TENSORS})
    assert checkpoint.metadata == {"key": "value"}


def test_npz(tmp_path):
    path = tmp_path / "weights.npz"
    np.savez(path, **TENSORS)
    assert_same(read_checkpoint(path).tensors)


class Malicious:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "code_was_run"


def assert_refused(path, mark, message):
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(path)
    assert not mark.exists()


@pytest.mark.parametrize("old_format", [False, True])
def test_code_in_a_pickle_is_not_run(tmp_path, mark, old_format):
    path = tmp_path / "weights.pth"
    content = {"state_dict": torch_tensors(), "extra": Malicious(mark)}
    torch.save(content, path, _use_new_zipfile_serialization=not old_format)
    assert_refused(path, mark, "nothing in it was run.*asks for .*mkdir")
    # What it would have done:
    torch.load(path, weights_only=False)
    assert mark.is_dir()


def test_code_in_a_plain_pickle_is_not_run(tmp_path, mark):
    path = tmp_path / "weights.pth"
    path.write_bytes(pickle.dumps(Malicious(mark)))
    assert_refused(path, mark, "weights.pth")
    pickle.loads(path.read_bytes())
    assert mark.is_dir()


def test_code_in_an_npz_is_not_run(tmp_path, mark):
    path = tmp_path / "weights.npz"
    np.savez(path, a=np.array([Malicious(mark)], object))
    assert_refused(path, mark, "plain arrays. Received: Python objects$")
    with np.load(path, allow_pickle=True) as archive:
        archive["a"]
    assert mark.is_dir()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".npz"])
@pytest.mark.parametrize(
    "content", [b"", b"not a checkpoint" * 99, b"\x80\x02"]
)
def test_damaged_files(tmp_path, suffix, content):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="weights"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        (".pth", "content that PyTorch does not write"),
        (".npz", "content that is not a zip archive"),
    ],
)
@pytest.mark.parametrize("text", ["hello", "<!DOCTYPE html>", "version 1"])
def test_a_text_is_refused_in_plain_words(tmp_path, suffix, message, text):
    path = tmp_path / f"weights{suffix}"
    path.write_text(text * 99)
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".npz"])
def test_cut_off_files(tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(torch_tensors(), path)
    elif suffix == ".npz":
        np.savez(path, **TENSORS)
    else:
        safetensors.save_file(TENSORS, path)
    content = path.read_bytes()
    for length in (8, len(content) // 2, len(content) - 8):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match="weights"):
            read_checkpoint(path)


def test_a_file_that_is_not_a_state_dict(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(torch.ones(3), path)
    with pytest.raises(CheckpointError, match="state dict. Received: Tensor"):
        read_checkpoint(path)


def test_other_suffixes_and_missing_files(tmp_path):
    path = tmp_path / "weights.h5"
    with pytest.raises(FileNotFoundError, match="no checkpoint file at"):
        read_checkpoint(path)
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"one of .pth.*Received: .*h5"):
        read_checkpoint(path)


def test_a_missing_package_says_how_to_install_it():
    with pytest.raises(
        ImportError, match=r'nowhere, .*: pip install "tsm-keras\[torch\]"'
    ):
        import_extra("nowhere.numpy", "torch")
