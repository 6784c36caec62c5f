"""Network: the interface between a session and a runtime."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from tsm_live.artifact.spec import ArtifactError, TensorSpec

MAX_THREADS = 256  # Runtimes crash if the number is far too large.


class AcceleratorError(OSError):
    """There is no accelerator that can run the whole network."""


class Network(Protocol):
    """A network in a runtime, together with the caches of its streams.

    Attributes:
        accelerator: The accelerator that runs the network, e.g. `"cpu"`.
    """

    accelerator: str

    def frame(self) -> np.ndarray:
        """Returns the memory of `spec.frame`; write to it before `run`.

        Do not keep the array: it must not exist while the network runs.
        """

    def valid(self) -> np.ndarray:
        """Returns the memory of `spec.valid`, if there is one; as `frame`."""

    def run(self) -> list[np.ndarray]:
        """Runs the network on the next frame of every stream, or on a clip.

        Returns:
            The values of `spec.results`, which the caller may keep.
        """

    def read_state(self) -> list[np.ndarray]:
        """Returns a copy of every cache, in the order of `spec.caches`."""

    def write_state(self, state: Sequence[np.ndarray]) -> None:
        """Sets every cache."""


def check_tensors(
    expected: Sequence[TensorSpec], found: Mapping[str, TensorSpec]
) -> None:
    """Compares the tensors of a network with those of its spec.

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
    """Checks the number of threads, since runtimes crash on a wrong one.

    Raises:
        ValueError: If `threads` is not an integer from 1 to `MAX_THREADS`.
    """
    if not isinstance(threads, int) or not 1 <= threads <= MAX_THREADS:
        raise ValueError(
            f"`threads` must be an integer from 1 to {MAX_THREADS}. "
            f"Received: threads={threads!r}"
        )
