"""The table of published files is consistent, and download errors help."""

import hashlib

import pytest
from tensorflow import keras

from tsm_keras.checkpoints.conventions import read_file_name
from tsm_keras.checkpoints.errors import CheckpointError
from tsm_keras.checkpoints.registry import (
    PUBLISHED,
    PublishedCheckpoint,
    download,
    find_published,
)

VIDEO = [c for c in PUBLISHED if c.dataset != "ImageNet"]


def test_names_are_unique_and_found():
    assert len({checkpoint.name for checkpoint in PUBLISHED}) == len(PUBLISHED)
    for checkpoint in PUBLISHED:
        assert checkpoint.url.startswith("https://")
        assert find_published(checkpoint.name) is checkpoint
        assert find_published(checkpoint.file_name) is checkpoint
    assert find_published("resnet50") is None


@pytest.mark.parametrize("checkpoint", PUBLISHED, ids=lambda c: c.name)
def test_hashes_are_those_of_the_file_names(checkpoint):
    assert checkpoint.name.endswith(checkpoint.sha256)
    is_hashed = "hanlab" not in checkpoint.url
    assert len(checkpoint.sha256) == (8 if is_hashed else 0)


@pytest.mark.parametrize("checkpoint", VIDEO, ids=lambda c: c.name)
def test_file_names_say_what_weights_do_not(checkpoint):
    stated = read_file_name(checkpoint.file_name)
    assert not stated.get("unsupported")
    expected = "none" if "tsn" in checkpoint.name else "bidirectional"
    if checkpoint.name == "TSM_kinetics_RGB_resnet50_avg_segment5_e50":
        expected = "none"
    if checkpoint.name == "mobilenetv2_jester_online":
        assert stated == {"dataset": "jester", "shift": "causal"}
        return
    assert stated["shift"] == expected
    assert stated["num_segments"] in (5, 8, 16)
    assert stated["dataset"]


def published_here(folder, content, sha256):
    (folder / "weights.pth").write_bytes(content)
    return PublishedCheckpoint(
        (folder / "weights.pth").as_uri(), "d", None, "p", "MIT", sha256
    )


def test_download_checks_the_hash(tmp_path):
    content = b"weights"
    digest = hashlib.sha256(content).hexdigest()
    cache = tmp_path / "cache"
    checkpoint = published_here(tmp_path, content, digest[:8])
    path = download(checkpoint, cache)
    assert path.read_bytes() == content
    assert path.parent == cache
    path.unlink()
    with pytest.raises(CheckpointError, match="was removed.*start with 0000"):
        download(published_here(tmp_path, content, "0000"), cache)
    assert not path.exists()


def test_offline_says_what_to_do_by_hand(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise Exception("URL fetch failure on https://x: None -- no network")

    monkeypatch.setattr(keras.utils, "get_file", offline)
    checkpoint = find_published("mobilenetv2_jester_online")
    with pytest.raises(OSError, match="on a machine with access") as refusal:
        download(checkpoint, tmp_path)
    message = str(refusal.value)
    assert checkpoint.url in message
    assert "tsm import-weights mobilenetv2_jester_online.pth.tar" in message
    assert "no network" in message


def test_offline_names_the_flags_that_the_file_needs(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise Exception("no network")

    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(OSError, match=r"\.pth .* --shift=SHIFT --segments=F"):
        download(find_published("resnet18-f37072fd"), tmp_path)


def test_no_file_is_marked_as_tried():
    assert not any(checkpoint.downloaded for checkpoint in PUBLISHED)
