import math

import numpy as np
import pytest
from tensorflow import keras

from testing.models import small_config
from tsm_keras.models.operators.marks import (
    Mark,
    belongs_to_mark,
    mark_of,
    operators_of,
)
from tsm_keras.models.operators.non_local import NonLocal
from tsm_keras.models.stream_time import StreamTime
from tsm_keras.models.time import ClipTime


class Double:
    """Stands for any operator: a mark does not look into it."""

    ahead = 0
    remembers = 0

    def __call__(self, x, time, *, name):
        return keras.layers.Rescaling(2.0, name=f"{name}_double")(x)


def outputs_of(mark):
    x = keras.Input((2, 2, 3))
    branch, identity = mark(x, name="block")
    after = mark.after_block(x, name="block")
    network = keras.Model(x, [branch, identity, after])
    ones = np.ones((1, 2, 2, 3), np.float32)
    return [float(y[0, 0, 0, 0]) for y in network(ones)], network


@pytest.mark.parametrize(
    ("placement", "identity"), [("residual", 1.0), ("inplace", 2.0)]
)
def test_the_placement_decides_what_the_identity_path_takes(
    placement, identity
):
    mark = Mark(ClipTime(1), branch=Double(), placement=placement)
    found, network = outputs_of(mark)
    assert found == [2.0, identity, 1.0]
    (name,) = {layer.name for layer in network.layers[1:]}
    assert name == "block_time_double" and belongs_to_mark(name)


def test_the_operator_after_a_block_is_another_one():
    found, _ = outputs_of(Mark(ClipTime(1), block=Double()))
    assert found == [1.0, 1.0, 2.0]


def test_without_operators_nothing_is_added():
    found, network = outputs_of(Mark(ClipTime(1)))
    assert found == [1.0, 1.0, 1.0] and len(network.layers) == 1


@pytest.mark.parametrize(
    ("fields", "ahead"),
    [
        ({"shift": "none"}, []),
        ({"shift": "causal"}, [0]),
        ({"shift": "bidirectional"}, [1]),
        ({"shift": "causal", "non_local": True}, [0, math.inf]),
    ],
)
def test_a_config_has_these_operators(fields, ahead):
    config = small_config("resnet50", **fields)
    assert [x.ahead for x in operators_of(config)] == ahead
    assert config.can_stream == (not any(ahead))
    assert config.can_stream_late == (math.inf not in ahead)
    mark = mark_of(config, ClipTime(4))
    assert [mark.branch, mark.block].count(None) == 2 - len(ahead)


def test_non_local_blocks_refuse_a_stream():
    x = keras.Input((4, 4, 4), batch_size=1)
    with pytest.raises(ValueError, match="whole clip.*cannot stream"):
        NonLocal(1e-5)(x, StreamTime(), name="block_time")
