"""How far two arrays are apart."""

import numpy as np

# How far apart float64 puts two computations of a deep network at most. Its
# rounding errors are 1e-14; what is computed in float32 by mistake is at 1e-7.
FLOAT64_TOLERANCE = 1e-10


def relative_error(actual, expected) -> float:
    """Returns the largest difference, relative to the largest expected value.

    Anything that is not finite is infinitely far away.
    """
    actual = np.asarray(actual, np.float64)
    expected = np.asarray(expected, np.float64)
    assert actual.shape == expected.shape, (actual.shape, expected.shape)
    if not (np.isfinite(actual).all() and np.isfinite(expected).all()):
        return np.inf
    scale = np.abs(expected).max()
    assert scale > 0, "all expected values are zero: nothing is compared"
    return float(np.abs(actual - expected).max() / scale)
