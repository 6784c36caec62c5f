"""precision: what the layers that are made in a block compute in."""

import contextlib
from collections.abc import Iterator

from tensorflow import keras

from tsm_keras.models.time import full_precision


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Layers that are made inside compute in the precision `policy`.

    Args:
        policy: A dtype policy of Keras: `"float32"`, `"mixed_bfloat16"` and
            so on. What the process had set is set again at the end.
    """
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(policy)
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)


@contextlib.contextmanager
def without_mixed_precision() -> Iterator[None]:
    """Layers that are made inside compute in `full_precision()`.

    Mixed precision is for training. What is saved, streamed or exported is
    built without it, whatever the process has set.
    """
    with precision(full_precision()):
        yield
