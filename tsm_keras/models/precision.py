"""precision: sets the dtype that new layers compute in, for one block."""

import contextlib
from collections.abc import Iterator

from tensorflow import keras

from tsm_keras.models.time import full_precision


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Makes layers that are built inside the block compute in `policy`.

    Args:
        policy: A dtype policy of Keras: `"float32"`, `"mixed_bfloat16"` and
            so on. The policy that was set before is restored at the end.
    """
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(policy)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)


@contextlib.contextmanager
def without_mixed_precision() -> Iterator[None]:
    """Makes layers that are built inside compute in `full_precision()`.

    Mixed precision is for training only. Models that are saved, streamed or
    exported are built without it, even if it is the process's policy.
    """
    with precision(full_precision()):
        yield
