import numpy as np

from testing.layers import run_layer_test
from tsm_keras.layers.channels import ConcatenateChannels


def test_joins_channels_in_order():
    rng = np.random.default_rng(0)
    parts = tuple(
        rng.normal(size=(2, 3, 3, channels)).astype(np.float32)
        for channels in (1, 4, 2)
    )
    found = run_layer_test(
        ConcatenateChannels, {}, parts, expected_shape=(2, 3, 3, 7)
    )
    np.testing.assert_array_equal(found, np.concatenate(parts, axis=-1))
