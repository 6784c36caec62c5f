"""Conversion between real values and the integers of a quantized tensor."""

import numpy as np

from tsm_live.artifact.tensors import LOGITS, TensorSpec


def quantize(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Returns real values as the numbers that a tensor stores.

    It computes in float32 and rounds halves to even. Values outside the range
    of the integers are clipped to it.
    """
    values = np.asarray(values, np.float32)
    if spec.dtype == "float32":
        return values
    limits = np.iinfo(spec.dtype)
    steps = np.round(values / np.float32(spec.scale)) + spec.zero_point
    return np.clip(steps, limits.min, limits.max).astype(spec.dtype)


def dequantize(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Returns the numbers that a tensor stores as float32 real values."""
    if spec.dtype == "float32":
        return values.astype(np.float32)
    return (values.astype(np.float32) - spec.zero_point) * np.float32(
        spec.scale
    )


def zero_state(spec: TensorSpec) -> np.ndarray:
    """Returns an array for a tensor, with all real values zero."""
    return np.full(spec.shape, spec.zero_point, spec.dtype)


def as_logits(values: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Returns the output of a head as float32 logits.

    Probabilities become their logarithms, which differ from the original
    logits only by a constant.
    """
    values = dequantize(values, spec)
    if spec.role == LOGITS:
        return values
    # A quantized 0 may be any probability below half a step.
    least = spec.scale / 2 or np.finfo(np.float32).tiny
    return np.log(np.maximum(values, least))
