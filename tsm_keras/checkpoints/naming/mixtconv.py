"""The names of the MixTConv authors' networks: ops/operations.py.

They are the TSM authors' ResNets. The convolutions in time wrap the first
convolution of each block (`.net`), as the shift of TSM does: `conv13d` is the
one of the group whose kernel covers 3 frames, and `conv1d` is the only one of
a network with a single kernel.
"""

from tsm_keras.checkpoints.naming.base import Naming
from tsm_keras.checkpoints.naming.tsm import TSM

_BLOCK = r"stage_\d\d_block_\d\d"

MIXTCONV = Naming(
    name="mixtconv",
    rows={
        "resnet": (
            (
                _BLOCK + r"_time_kernel_(?P<group>\d+)",
                "base_model.layer{stage}.{block}.conv1.conv1{frames}d",
            ),
            *TSM.rows["resnet"],
        )
    },
    marks_in_keys=True,
)
