"""ResNet-10, the network for tests of what surrounds a network.

It has one block in each stage, which halves the time that TensorFlow takes to
trace its training step.
"""

import contextlib
import functools

from tsm_keras.models.backbones import resnet
from tsm_keras.models.backbones.record import Backbone
from tsm_keras.models.backbones.table import BACKBONES

# Code for a new process whose commands shall know the network.
ADD = "from testing.short_resnet import add_resnet10; add_resnet10()\n"


def add_resnet10():
    """Lets configs and commands of this process name `resnet10`."""
    blocks = (1, 1, 1, 1)
    resnet.DEPTHS[10] = ("basic", blocks)
    BACKBONES["resnet10"] = Backbone(
        name="resnet10",
        family="resnet",
        build=functools.partial(resnet.resnet, depth=10),
        blocks=blocks,
    )


@contextlib.contextmanager
def known_resnet10():
    """Adds `resnet10` inside the block, so that other tests do not see it."""
    add_resnet10()
    try:
        yield
    finally:
        del BACKBONES["resnet10"], resnet.DEPTHS[10]
