"""require_gpu: skips tests on machines without a GPU."""

import pytest

from tsm_export.verify.gpu import gpu_environment


def require_gpu():
    """Returns the environment in which a process finds a GPU.

    Skips the test if there is neither a GPU nor Vulkan in software, which CI
    has.
    """
    environment = gpu_environment()
    if environment is None:
        pytest.skip("no GPU, and no software Vulkan (apt install chromium)")
    return environment
