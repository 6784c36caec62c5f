"""VideoDetectorConfig: plain data, checked field by field."""

import json

import pytest

from testing.models import small_config
from tsm_keras.models.config import (
    DetectionConfig,
    VideoClassifierConfig,
    VideoDetectorConfig,
    config_from_dict,
)

REFUSED = {
    "labels": ((), "ab", ("a", "a"), ("a", ""), ("a\nb",), (1,), None),
    "stride": (2, 32, 8.0, "8", None, True),
    "pyramid_channels": (0, 1.5, "64", None, True),
    "image_size": (100, 33, 0, None),
    "backbone": ("vgg16", None),
    "shift": ("Causal", None),
}


def detector(**fields):
    return VideoDetectorConfig(**{"labels": ("car", "dog"), **fields})


def test_json_round_trip():
    config = detector(
        stride=4, pyramid_channels=32, backbone="resnet18", shift="causal"
    )
    values = json.loads(config.to_json())
    assert values["task"] == "detection"
    assert values["detection"] == {
        "labels": ["car", "dog"],
        "stride": 4,
        "pyramid_channels": 32,
    }
    revived = VideoDetectorConfig.from_json(config.to_json())
    assert revived == config == config_from_dict(config.to_dict())
    assert hash(revived) == hash(config)
    assert VideoDetectorConfig(**config.flat()) == config
    assert config.changed(**config.flat()) == config


def test_defaults():
    config = detector(image_size=256)
    assert config.detection == DetectionConfig(("car", "dog"), 8, 64)
    assert (config.grid, config.input.resize_size) == (32, 292)
    assert config.label_lists == {"": ("car", "dog")}


def test_changed_keeps_other_fields():
    config = detector(stride=16, pyramid_channels=8, shift="causal")
    assert config.changed(labels=("cat",)).detection == DetectionConfig(
        ("cat",), 16, 8
    )
    assert config.changed(detection=DetectionConfig(("x",))).can_stream
    assert config.with_image_size(448).input.resize_size == 512
    assert config.changed(shift="none").temporal.shift == "none"


def test_a_config_is_read_by_its_task():
    classifier = small_config()
    assert "task" not in classifier.to_dict()
    assert config_from_dict(classifier.to_dict()) == classifier
    with pytest.raises(ValueError, match="Unknown config fields.*task"):
        VideoClassifierConfig.from_dict(detector().to_dict())
    with pytest.raises(ValueError, match="Unknown config fields.*heads"):
        VideoDetectorConfig.from_dict(classifier.to_dict())
    with pytest.raises(ValueError, match="`task` must be 'detection'.*'pose'"):
        config_from_dict({**detector().to_dict(), "task": "pose"})
    with pytest.raises(ValueError, match="must be an object"):
        config_from_dict([])


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in REFUSED.items() for value in values],
)
def test_refuses_invalid_fields(field, value):
    with pytest.raises(ValueError, match=rf"`{field}` must be .*Received"):
        detector(**{field: value})


def test_refuses_missing_and_unknown_fields():
    with pytest.raises(ValueError, match=r"must have `detection`, or `labels`"):
        VideoDetectorConfig(backbone="resnet18")
    with pytest.raises(ValueError, match=r"Unknown config fields.*num_classes"):
        detector(num_classes=2)
    with pytest.raises(ValueError, match=r"`detection` must be of the class"):
        detector(detection={"labels": ["a"]})
    values = detector().to_dict()
    for part in ({"labels": ["a"], "threshold": 1}, {"stride": 8}):
        with pytest.raises(ValueError, match="`detection` must"):
            config_from_dict({**values, "detection": part})
    with pytest.raises(ValueError, match="`format` must be 2"):
        config_from_dict({**values, "format": 3})
