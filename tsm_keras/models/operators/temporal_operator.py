"""TemporalOperator: what mixes the frames at a mark of a backbone."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tsm_keras.models.time import Time


class TemporalOperator(Protocol):
    """Mixes the frames of its input; written once against `Time`.

    It may own weights: of layers whose names start with the name it is called
    with, and which leave the network as it is before they are trained, so that
    the weights of a network without the operator are a start for one with it.
    """

    @property
    def looks_ahead(self) -> bool:
        """Whether a frame's output depends on later frames."""

    @property
    def remembers(self) -> int:
        """The number of earlier frames that a stream must remember."""

    def __call__(self, x: Any, time: "Time", *, name: str) -> Any:
        """Returns the mixed features, of the shape of `x`.

        Args:
            x: `[N, H, W, C]` features.
            time: How the other frames are reached.
            name: What the names of the operator's layers start with.
        """
