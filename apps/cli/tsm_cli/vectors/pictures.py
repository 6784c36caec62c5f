"""Pictures for test vectors, equal with every version of NumPy."""

import numpy as np

_BLOCK = 6  # Pixels; large enough to survive a resize.


def random_picture(seed: int, height: int, width: int) -> np.ndarray:
    """Returns `[H, W, 3]` uint8: blocks of similar colours, with some noise.

    Only `Generator.random` is used, whose numbers never change.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    colour = rng.random(3)
    colours = rng.random((-(-height // _BLOCK), -(-width // _BLOCK), 3))
    blocks = np.kron(colours, np.ones((_BLOCK, _BLOCK, 1)))[:height, :width]
    noise = rng.random((height, width, 3))
    return (116 * colour + 100 * blocks + 40 * noise).astype(np.uint8)


def random_squares(seed: int, count: int, size: int) -> np.ndarray:
    """Returns `[count, S, S, 3]` uint8 pictures, all of them different."""
    seeds = range(1000 * seed, 1000 * seed + count)
    return np.stack([random_picture(each, size, size) for each in seeds])
