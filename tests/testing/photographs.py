"""Photographs that packages bring, for networks with ImageNet weights."""

import importlib.util
import pathlib

import cv2
import pytest

# Each has ImageNet classes that describe it.
PHOTOGRAPHS = {
    "sklearn/datasets/images/china.jpg": {698},  # Palace.
    "sklearn/datasets/images/flower.jpg": {985},  # Daisy.
    "skimage/data/chelsea.png": {281, 282, 285},  # Tabby, tiger, Egyptian cat.
    "skimage/data/coffee.png": {967},  # Espresso.
    "skimage/data/rocket.jpg": {657, 744},  # Missile, projectile.
}


def photograph(name):
    """Returns the centre of a photograph, `[224, 224, 3]` uint8 RGB."""
    package, _, rest = name.partition("/")
    spec = importlib.util.find_spec(package)
    if not spec:
        pytest.skip(f"{package} is not installed")
    path = pathlib.Path(spec.submodule_search_locations[0]) / rest
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    height, width = picture.shape[:2]
    scale = 256 / min(height, width)
    size = round(scale * width), round(scale * height)
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (size[1] - 224) // 2, (size[0] - 224) // 2
    return picture[top : top + 224, left : left + 224]
