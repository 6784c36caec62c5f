"""gpu_environment: how a process reaches a GPU on this machine, if at all."""

import functools
import os
import pathlib
import subprocess
import sys
import tempfile

from tensorflow import keras

from tsm_export.conversion import convert

# Vulkan in software, where Debian's package `chromium` puts it. Slow, but the
# accelerator does on it what it does on a GPU.
_SOFTWARE_VULKAN = pathlib.Path("/usr/lib/chromium/vk_swiftshader_icd.json")
_OPEN = (
    "import sys; from tsm_live.runner import open_runner; "
    "open_runner(sys.argv[1], accelerator='gpu')"
)


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
    scaled = keras.layers.Rescaling(2.0)(image)
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
    process = subprocess.run(
        [sys.executable, "-c", _OPEN, str(path)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    return process.returncode == 0
