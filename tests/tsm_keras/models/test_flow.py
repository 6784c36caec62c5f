import numpy as np
import pytest

from testing.models import logits_of, random_clip_model, random_clips
from tsm_keras.models.clip import with_frame_logits
from tsm_keras.models.flow import flow_config, to_flow


def test_the_first_convolution_gets_the_mean_and_the_rest_stays():
    model = random_clip_model()
    flow = to_flow(model, pairs=3)
    assert flow.input_shape == (None, 4, 64, 64, 6)
    (kernel,) = flow.get_layer("stem_conv").get_weights()
    (rgb,) = model.get_layer("stem_conv").get_weights()
    for channel in range(6):
        np.testing.assert_allclose(
            kernel[:, :, channel], rgb.sum(axis=2) / 3, rtol=1e-6, atol=1e-7
        )
    for layer in model.layers:
        if layer.weights and layer.name != "stem_conv":
            for mine, theirs in zip(
                flow.get_layer(layer.name).get_weights(),
                layer.get_weights(),
                strict=True,
            ):
                np.testing.assert_array_equal(mine, theirs)


def test_gray_pictures_and_flow_of_equal_channels_look_the_same():
    # Three equal channels through a kernel are one through its sum; six
    # through the means are twice that.
    config = random_clip_model().video_config
    model = random_clip_model(pixel_mean=(127.5,) * 3, pixel_std=(50.0,) * 3)
    flow = to_flow(model, pairs=3)
    gray = random_clips(config)[..., :1]
    six = 127.5 + (gray - 127.5) / 2  # Undoes the "twice".
    expected, _ = logits_of(model, np.repeat(gray, 3, -1))
    found, _ = logits_of(with_frame_logits(flow), np.repeat(six, 6, -1))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_refuses():
    config = random_clip_model().video_config
    with pytest.raises(ValueError, match="pairs.*Received"):
        flow_config(config, 0)
    with pytest.raises(ValueError, match="input_channels"):
        flow_config(flow_config(config), 5)
