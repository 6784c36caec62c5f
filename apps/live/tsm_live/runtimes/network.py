"""Network: what a session asks of a runtime, and a runtime of a file."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from tsm_live.artifact.spec import ArtifactError, TensorSpec


class Network(Protocol):
    """A network in a runtime, and the caches of its streams.

    Attributes:
        accelerator: What really runs it, e.g. `"cpu"`.
    """

    accelerator: str

    def frame(self) -> np.ndarray:
        """Returns the memory of `spec.frame`, to be written before `run`.

        It must not be kept: no runtime may run while somebody holds it.
        """

    def run(self) -> np.ndarray:
        """Takes the next frame of every stream.

        Returns:
            The numbers of `spec.logits`; the caller's to keep.
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
        ArtifactError: If one is missing, another one or not in the spec: a
            cache that is not fed back makes every answer a wrong one.
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
