"""Network: what a session asks of a runtime."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from tsm_live.artifact.spec import ArtifactError, TensorSpec

MAX_THREADS = 256  # No processor gains from more, and runtimes crash later.


class AcceleratorError(OSError):
    """There is no accelerator, or it does not take the whole network."""


class Network(Protocol):
    """A network in a runtime, together with the caches of its streams.

    Attributes:
        accelerator: What really runs the network, e.g. `"cpu"`.
    """

    accelerator: str

    def frame(self) -> np.ndarray:
        """Returns the memory of `spec.frame`, to be written before `run`.

        Do not keep the array: no runtime may run while somebody holds it.
        """

    def run(self) -> np.ndarray:
        """Takes the next frame of every stream, or a clip.

        Returns:
            The numbers of `spec.logits`, which the caller may keep.
        """

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache, in the order of `spec.caches`."""

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""


def check_tensors(
    expected: Sequence[TensorSpec], found: Mapping[str, TensorSpec]
) -> None:
    """Compares the tensors of a network with those of its spec.

    A cache that is not fed back would make every answer wrong.

    Raises:
        ArtifactError: If a tensor is missing, differs, or is not in the spec.
    """
    for tensor in expected:
        if found.get(tensor.name) != tensor.bare:
            raise ArtifactError(
                "A tensor is not what the embedded spec says. Expected: "
                f"{tensor.bare}. Received: {found.get(tensor.name)}"
            )
    unknown = set(found) - {tensor.name for tensor in expected}
    if unknown:
        raise ArtifactError(
            "The network has tensors that the embedded spec does not name. "
            f"Received: {sorted(unknown)}"
        )


def check_threads(threads: int) -> None:
    """Refuses a number on which LiteRT or ONNX Runtime would crash.

    Raises:
        ValueError: If it is not an integer from 1 to `MAX_THREADS`.
    """
    if not isinstance(threads, int) or not 1 <= threads <= MAX_THREADS:
        raise ValueError(
            f"`threads` must be an integer from 1 to {MAX_THREADS}. "
            f"Received: threads={threads!r}"
        )
