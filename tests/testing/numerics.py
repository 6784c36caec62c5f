"""Measures the difference of two arrays."""

import numpy as np

# The largest difference of two float64 computations of a deep network. Rounding
# errors are about 1e-14; a computation in float32 by mistake is off by 1e-7.
FLOAT64_TOLERANCE = 1e-10


def relative_error(actual, expected) -> float:
    """Returns the largest difference, relative to the largest expected value.

    The difference is infinite if any number is not finite.
    """
    actual = np.asarray(actual, np.float64)
    expected = np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, (actual.shape, expected.shape)
    if not (np.isfinite(actual).all() and np.isfinite(expected).all()):
        return np.inf
    scale = np.abs(expected).max()
    assert scale > 0, "all expected values are zero: nothing is compared"
    return float(np.abs(actual - expected).max() / scale)
