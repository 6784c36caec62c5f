"""Real values and the integers that a tensor holds for them."""

import numpy as np

from tsm_live.artifact.tensors import LOGITS, TensorSpec


def quantize(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Returns real values as the numbers of a tensor.

    It is computed in float32. Halves are rounded to the even neighbour, and
    what is out of the range of the integers becomes the nearest of them.
    """
    values = np.asarray(values, np.float32)
    if spec.dtype == "float32":
        return values
    limits = np.iinfo(spec.dtype)
    steps = np.round(values / np.float32(spec.scale)) + spec.zero_point
    return np.clip(steps, limits.min, limits.max).astype(spec.dtype)


def dequantize(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Returns the numbers of a tensor as float32 real values."""
    if spec.dtype == "float32":
        return values.astype(np.float32)
    return (values.astype(np.float32) - spec.zero_point) * np.float32(
        spec.scale
    )


def zero_state(spec: TensorSpec) -> np.ndarray:
    """Returns a tensor whose real values are all zero."""
    return np.full(spec.shape, spec.zero_point, spec.dtype)


def as_logits(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Returns what a head gives as float32 logits.

    The logits of probabilities are their logarithms. They differ only by a
    constant from the logits that the probabilities were made of.
    """
    values = dequantize(values, spec)
    if spec.role == LOGITS:
        return values
    # A probability of 0 stands for anything below half a step.
    least = spec.scale / 2 or np.finfo(np.float32).tiny
    return np.log(np.maximum(values, least))
