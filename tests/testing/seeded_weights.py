"""Weights drawn from a seed per tensor name: no file has to hold them."""

import hashlib

import numpy as np


def draw_tensor(name, shape):
    """Returns a tensor of PyTorch's layout under which activations stay sane.

    Only uniform draws, which every version of NumPy makes alike. Normalizations
    get statistics far from their start: where one is misplaced or swapped the
    network computes something else.
    """
    digest = hashlib.sha256(name.encode()).digest()
    rng = np.random.Generator(
        np.random.PCG64(int.from_bytes(digest[:8], "little"))
    )
    uniform = rng.random(shape, dtype=np.float32)
    suffix = name.rpartition(".")[2]
    if len(shape) > 1:
        # He et al., 2015; a little less, as residual branches add up. Less for
        # the embeddings of attention, so that it does not see one position.
        gain = 0.1 if ".theta." in name or ".phi." in name else 0.8
        limit = gain * np.sqrt(6 / np.prod(shape[1:]))
        return (limit * (2 * uniform - 1)).astype(np.float32)
    low, high = {
        "weight": (0.5, 1.5),
        "bias": (-0.3, 0.3),
        "running_mean": (-0.3, 0.3),
        "running_var": (0.5, 2.0),
    }[suffix]
    return (low + (high - low) * uniform).astype(np.float32)


def draw_state_dict(shapes):
    """Returns a tensor for each name of `shapes`."""
    return {name: draw_tensor(name, shape) for name, shape in shapes.items()}


def draw_clip(name, frames, size, channels=3):
    """Returns `[T, size, size, C]` float32 of whole pixel values."""
    digest = hashlib.sha256(name.encode()).digest()
    rng = np.random.Generator(
        np.random.PCG64(int.from_bytes(digest[:8], "little"))
    )
    uniform = rng.random((frames, size, size, channels), dtype=np.float32)
    return np.floor(256 * uniform)
