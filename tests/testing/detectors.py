"""A detector whose outputs a test chooses, without any runtime."""

import numpy as np

from tsm_live.artifact.quantization import quantize, zero_state


class ChosenNetwork:
    """A `Network` that finds one object per stream, at a chosen place.

    Args:
        spec: The spec of a detector in the layout NHWC.
        chosen: `(row, column, label)` for each step and stream: the cell of the
            only object, or None for no object.
    """

    accelerator = "cpu"

    def __init__(self, spec, chosen):
        self._spec = spec
        self._chosen = iter(chosen)
        self._frame = np.zeros(spec.frame.shape, spec.frame.dtype)
        self._caches = [zero_state(cache) for cache in spec.caches]
        if spec.valid:
            self._valid = np.zeros(spec.valid.shape, spec.valid.dtype)

    def frame(self):
        return self._frame

    def valid(self):
        return self._valid

    def run(self):
        values = {
            tensor.role: np.full(tensor.shape, {"heatmap": -9}.get(role, 0.5))
            for tensor in self._spec.results
            for role in [tensor.role]
        }
        values["box_size"][...] = 2, 1
        for stream, cell in enumerate(next(self._chosen)):
            if cell is not None:
                values["heatmap"][(stream, *cell)] = 2
        return [
            quantize(values[tensor.role], tensor)
            for tensor in self._spec.results
        ]

    def read_state(self):
        return [cache.copy() for cache in self._caches]

    def write_state(self, state):
        self._caches = [np.array(value) for value in state]
