import cv2
import numpy as np
import pytest
from tensorflow import keras

from testing.artifacts import clip_model, random_clips
from tsm_keras.evaluation.saliency import find_clip, saliency, saliency_sheet


@pytest.mark.parametrize("label", [None, 3])
def test_saliency_is_the_classifiers_weights_times_the_features(label):
    # Behind the features are a mean over places, a matrix and a mean over
    # frames: their gradient is the matrix' row, up to a factor.
    model = clip_model()
    clip = random_clips(1, model)[0]
    features = keras.Model(model.inputs[0], model.get_layer("pool").input)
    maps = np.asarray(features(clip[None].astype(np.float32)))
    if label is None:
        logits = model(clip[None].astype(np.float32))["logits"]
        label = int(np.argmax(logits))
        found = saliency(model, clip)
    else:
        found = saliency(model, clip, label)
    kernel, _ = model.get_layer("classifier").get_weights()
    expected = np.maximum(maps @ kernel[:, label], 0)
    assert found.shape == (4, 2, 2) and expected.max() > 0
    np.testing.assert_allclose(found, expected / expected.max(), atol=1e-4)


def test_sheet_is_a_picture():
    clip = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    png = saliency_sheet(clip, np.ones((4, 1, 1)), np.zeros((4, 3)), "a$b", 1)
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None and image.shape[1] > image.shape[0]


NAMES = ("raw/test/pull/0.mp4", "raw/test/push/0.mp4", "/x/raw/test/push/0.mp4")


@pytest.mark.keras3_only  # Text alone.
@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        ("0", 0),
        ("pull/0.mp4", 0),
        ("./test/pull/0.mp4", 0),
        ("/x/raw/test/push/0.mp4", 2),
        ("x/raw/test/push/0.mp4", 2),
        # The end of another one, but also a whole path.
        ("raw/test/push/0.mp4", 1),
    ],
)
def test_finds_a_clip_by_number_or_by_the_end_of_its_path(wanted, number):
    assert find_clip(wanted, NAMES) == number


@pytest.mark.keras3_only  # Text alone.
@pytest.mark.parametrize(
    ("wanted", "received"),
    [
        ("-1", "'-1', no clip"),
        ("3", "'3', no clip"),
        ("", "'', no clip"),
        ("h/0.mp4", "no clip"),  # Whole names: not the end of "push".
        ("push/0.mp4", "the end of 2 paths .*raw/test/push/0.mp4"),
    ],
)
def test_refuses_what_is_not_one_clip(wanted, received):
    with pytest.raises(ValueError, match=f"0 to 2.*Received: .*{received}"):
        find_clip(wanted, NAMES)
