"""Draws weights from a seed per tensor name, so that no file holds them."""

import hashlib

import numpy as np


def draw_tensor(name, shape):
    """Returns a tensor in PyTorch's layout that keeps activations moderate.

    All draws are uniform, because these are equal in all versions of NumPy. The
    statistics of normalizations are far from their initial values, so that a
    misplaced or swapped one changes the outputs.
    """
    digest = hashlib.sha256(name.encode()).digest()
    rng = np.random.Generator(
        np.random.PCG64(int.from_bytes(digest[:8], "little"))
    )
    uniform = rng.random(shape, dtype=np.float32)
    suffix = name.rpartition(".")[2]
    if len(shape) > 1:
        # The scale of He et al., 2015, is reduced a little, because residual
        # branches add up. It is reduced further for the embeddings of
        # attention, whose softmax would otherwise select a single position.
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


def draw_state_dict(shapes, gain=1.0):
    """Returns a tensor for each name of `shapes`.

    Kernels are multiplied by `gain`, which should be above 1 for networks whose
    activations shrink the features.
    """
    return {
        name: draw_tensor(name, shape)
        * np.float32(gain if len(shape) > 1 else 1)
        for name, shape in shapes.items()
    }


def draw_clip(name, frames, size, channels=3):
    """Returns `[T, size, size, C]` float32 of whole pixel values."""
    digest = hashlib.sha256(name.encode()).digest()
    rng = np.random.Generator(
        np.random.PCG64(int.from_bytes(digest[:8], "little"))
    )
    uniform = rng.random((frames, size, size, channels), dtype=np.float32)
    return np.floor(256 * uniform)
