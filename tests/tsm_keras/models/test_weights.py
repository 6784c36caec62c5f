import pytest

from testing.models import random_clip_model
from tsm_keras.models.weights import copy_weights


def test_copy_weights_refuses_another_network():
    with pytest.raises(ValueError, match="same layers.*Received: .*stage_0"):
        copy_weights(
            random_clip_model("mobilenet_v2"), random_clip_model("resnet18")
        )
