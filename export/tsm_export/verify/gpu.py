"""gpu_environment: how a process reaches a GPU on this machine, if at all."""

import functools
import pathlib
import tempfile

from tensorflow import keras

from tsm_export.tflite.conversion import convert
from tsm_live.runtimes.gpu_network import AcceleratorError, try_gpu

# Vulkan in software, where Debian's package `chromium` puts it. Slow, but the
# accelerator does on it what it does on a GPU.
_SOFTWARE_VULKAN = pathlib.Path("/usr/lib/chromium/vk_swiftshader_icd.json")


@functools.cache
def gpu_environment() -> dict[str, str] | None:
    """Returns variables under which a process finds a GPU.

    What is here as it is comes first, then Vulkan in software. Each is tried
    with a network of one op, so that what another network fails at is known
    to be its own.

    Returns:
        The variables to set, maybe none; None if there is no GPU.
    """
    image = keras.Input((8, 8, 3), batch_size=1, name="image")
    scaled = keras.layers.Rescaling(2.0, dtype="float32")(image)
    probe = convert(keras.Model({"image": image}, {"scaled": scaled}))
    candidates: list[dict[str, str]] = [{}]
    if _SOFTWARE_VULKAN.exists():
        # The loader wants the folder to be set, and puts nothing there.
        runtime = {"XDG_RUNTIME_DIR": tempfile.gettempdir()}
        candidates.append({"VK_DRIVER_FILES": str(_SOFTWARE_VULKAN), **runtime})
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "probe.tflite"
        path.write_bytes(probe)
        return next(filter(lambda it: _opens(path, it), candidates), None)


def _opens(path, variables):
    try:
        try_gpu(path, environment=variables)
    except AcceleratorError:
        return False
    return True
