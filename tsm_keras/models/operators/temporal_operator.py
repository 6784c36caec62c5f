"""TemporalOperator: mixes the features of frames at a mark of a backbone."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tsm_keras.models.time import Time


class TemporalOperator(Protocol):
    """Mixes the features of different frames, which it reaches by `Time`.

    An operator may have weights. The names of its layers then start with the
    name that it is called with. A network with the operator can start from the
    weights of a network without it: these layers then keep their initial
    weights. So initially they should change nothing, as in a non-local block,
    or resemble a shift, as in MixTConv.
    """

    @property
    def ahead(self) -> float:
        """The number of later frames that a frame's output depends on.

        It is infinite if the output depends on the whole clip.
        """

    @property
    def remembers(self) -> int:
        """The number of earlier frames that a frame's output depends on."""

    def __call__(self, x: Any, time: "Time", *, name: str) -> Any:
        """Returns the mixed features, in the shape of `x`.

        Args:
            x: `[N, H, W, C]` features.
            time: Gives access to the other frames.
            name: The prefix of the names of the operator's layers.
        """
